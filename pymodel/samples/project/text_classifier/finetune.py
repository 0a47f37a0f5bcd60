"""Fine-tunes the pre-trained BiLSTM on few labels, and compares with a start from nothing: python finetune.py"""

import argparse
from pathlib import Path

import torch
from data import Snippets
from model import TextClassifier
from torch import nn
from torch.utils.data import DataLoader


def finetune(encoder_state, epochs, freeze=True, seed=0):
    """Train on a few labels, from `encoder_state` or (None) from scratch. Gives the accuracy on the test set."""
    torch.manual_seed(seed)
    loader = DataLoader(Snippets("train", seed), batch_size=16, shuffle=True)
    model = TextClassifier()
    if encoder_state is not None:
        model.encoder.load_state_dict(encoder_state)
        model.encoder.requires_grad_(not freeze)
    criterion = nn.CrossEntropyLoss()
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trainable, lr=2e-3)
    for _ in range(epochs):
        model.train()
        for codes, labels in loader:
            loss = criterion(model(codes), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return evaluate(model)


@torch.no_grad()
def evaluate(model):
    model.eval()
    loader = DataLoader(Snippets("test"), batch_size=200)
    correct = sum((model(codes).argmax(dim=1) == labels).sum().item() for codes, labels in loader)
    return correct / len(loader.dataset)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", default="encoder.pt", help="what pretrain.py wrote")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--whole", action="store_true", help="train the encoder, too, not only the last layer")
    args = parser.parse_args()
    if not Path(args.encoder).exists():
        parser.error(f"{args.encoder} is not there: run pretrain.py first")
    state = torch.load(args.encoder, weights_only=True)
    for seed in range(args.seeds):
        scratch = finetune(None, args.epochs, seed=seed)
        pretrained = finetune(state, args.epochs, not args.whole, seed=seed)
        print(f"seed {seed}: from scratch {scratch:.1%}, pre-trained {pretrained:.1%}")


if __name__ == "__main__":
    main()
