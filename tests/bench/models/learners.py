"""The kinds of model whose training is timed, with random data of their shapes."""

import torch
from torch import nn
from torch.utils.data import TensorDataset


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 10))

    def forward(self, x):
        return self.layers(x)


class Cnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.convs = nn.Sequential(nn.Conv2d(3, 32, 3), nn.ReLU(), nn.Conv2d(32, 32, 3), nn.ReLU(), nn.MaxPool2d(2))
        self.head = nn.Linear(32 * 4 * 4, 10)

    def forward(self, x):
        return self.head(self.convs(x).flatten(1))


class BiLstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(100, 32)
        self.lstm = nn.LSTM(32, 48, batch_first=True, bidirectional=True)
        self.head = nn.Linear(96, 10)

    def forward(self, codes):
        return self.head(self.lstm(self.embedding(codes))[0].mean(1))


class Gpt(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(100, 64)
        layer = nn.TransformerEncoderLayer(64, 4, 128, dropout=0.0, batch_first=True)
        self.blocks = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(64, 100)

    def forward(self, codes):
        mask = nn.Transformer.generate_square_subsequent_mask(codes.shape[1])
        return self.head(self.blocks(self.embedding(codes), mask=mask, is_causal=True))


def vectors():
    return TensorDataset(torch.randn(3200, 32), torch.randint(0, 10, (3200,)))


def images():
    return TensorDataset(torch.randn(640, 3, 12, 12), torch.randint(0, 10, (640,)))


def tokens():
    return TensorDataset(torch.randint(0, 100, (640, 32)), torch.randint(0, 10, (640,)))


def text():
    return TensorDataset(torch.randint(0, 100, (640, 32)), torch.randint(0, 100, (640, 32)))
