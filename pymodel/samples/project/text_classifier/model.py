"""A BiLSTM over tokens, under two models: one tells which texts belong together, one the package of a text."""

import torch
from torch import nn
from torch.nn.functional import cross_entropy, normalize


class BiLSTM(nn.Module):
    """Reads (B, T) token numbers and gives features of the whole text, (B, 4 * hidden)."""

    def __init__(self, vocabulary=1000, embedding=64, hidden=96):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.lstm = nn.LSTM(embedding, hidden, batch_first=True, bidirectional=True)

    def forward(self, codes):
        x = self.embedding(codes)
        x, _ = self.lstm(x)
        return torch.cat([x.mean(dim=1), x.amax(dim=1)], dim=1)


class Matcher(nn.Module):
    """Compares each of B texts with each of B others: the pre-training, for which nobody needs to label anything."""

    def __init__(self, vocabulary=1000, hidden=96, features=128, scale=10.0):
        super().__init__()
        self.scale = scale
        self.encoder = BiLSTM(vocabulary=vocabulary, hidden=hidden)
        self.project = nn.Linear(4 * hidden, features)

    def forward(self, first, second):
        first = normalize(self.project(self.encoder(first)), dim=1)
        second = normalize(self.project(self.encoder(second)), dim=1)
        return self.scale * first @ second.T


def matching_loss(similarity, files):
    """Cross-entropy of "which of the others is from the same file?", asked of both sides."""
    same = (files[:, None] == files[None]).float()
    share = same / same.sum(dim=1, keepdim=True)
    return (cross_entropy(similarity, share) + cross_entropy(similarity.T, share)) / 2


class TextClassifier(nn.Module):
    def __init__(self, classes=4, vocabulary=1000, hidden=96):
        super().__init__()
        self.encoder = BiLSTM(vocabulary=vocabulary, hidden=hidden)
        self.dropout = nn.Dropout(0.3)
        self.fc = nn.Linear(4 * hidden, classes)

    def forward(self, codes):
        x = self.encoder(codes)
        x = self.dropout(x)
        return self.fc(x)


if __name__ == "__main__":
    model = TextClassifier()
    codes = torch.randint(0, 1000, (8, 48))
    print(model(codes).shape)
