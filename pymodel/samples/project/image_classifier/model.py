"""A small convolutional network for images of 12 by 12 pixels."""

import torch
from torch import nn


class MyModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, kernel_size=3)
        self.relu1 = nn.ReLU()
        self.fc1 = nn.Linear(64 * 10 * 10, 1024)
        self.relu2 = nn.ReLU()
        self.fc2 = nn.Linear(1024, 10)

    def forward(self, x):
        x = self.conv1(x)
        x = self.relu1(x)
        x = x.view(-1, 64 * 10 * 10)
        x = self.fc1(x)
        x = self.relu2(x)
        x = self.fc2(x)
        return x


if __name__ == "__main__":
    model = MyModel()
    images = torch.randn(1, 3, 12, 12)
    print(model(images).shape)
