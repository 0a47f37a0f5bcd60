"""A BiLSTM over tokens, with two heads: one guesses the text's tokens, one the package it comes from."""

import torch
from torch import nn


class BiLSTM(nn.Module):
    """Reads (B, T) token numbers and gives features (B, T, 2 * hidden): the past's, then the future's."""

    def __init__(self, vocabulary=1000, embedding=64, hidden=96):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.lstm = nn.LSTM(embedding, hidden, batch_first=True, bidirectional=True)

    def forward(self, codes):
        x = self.embedding(codes)
        x, _ = self.lstm(x)
        return x


class LanguageModel(nn.Module):
    """Guesses each token's neighbours: the next one from the past, the previous one from the future."""

    def __init__(self, vocabulary=1000, hidden=96):
        super().__init__()
        self.hidden = hidden
        self.encoder = BiLSTM(vocabulary=vocabulary, hidden=hidden)
        self.next = nn.Linear(hidden, vocabulary)
        self.previous = nn.Linear(hidden, vocabulary)

    def forward(self, codes):
        x = self.encoder(codes)
        past, future = x.split(self.hidden, dim=2)
        return self.next(past[:, :-1]), self.previous(future[:, 1:])


class TextClassifier(nn.Module):
    def __init__(self, classes=4, vocabulary=1000, hidden=96):
        super().__init__()
        self.encoder = BiLSTM(vocabulary=vocabulary, hidden=hidden)
        self.dropout = nn.Dropout(0.3)
        self.fc = nn.Linear(4 * hidden, classes)

    def forward(self, codes):
        x = self.encoder(codes)
        x = torch.cat([x.mean(dim=1), x.amax(dim=1)], dim=1)
        x = self.dropout(x)
        return self.fc(x)


if __name__ == "__main__":
    model = TextClassifier()
    codes = torch.randint(0, 1000, (8, 48))
    print(model(codes).shape)
