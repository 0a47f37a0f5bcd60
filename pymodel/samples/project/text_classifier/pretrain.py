"""Pre-trains the BiLSTM on text without labels: python pretrain.py"""

import argparse

import torch
from data import Pairs
from model import Matcher, matching_loss
from torch.utils.data import DataLoader


def pretrain(epochs, batch_size=48, learning_rate=3e-3, seed=0):
    torch.manual_seed(seed)
    loader = DataLoader(Pairs(), batch_size=batch_size, shuffle=True, drop_last=True)
    model = Matcher()
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=epochs * len(loader))
    for epoch in range(1, epochs + 1):
        for step, (first, second, files) in enumerate(loader, start=1):
            similarity = model(first, second)
            loss = matching_loss(similarity, files)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            scheduler.step()
            if step % 50 == 0:
                print(f"epoch {epoch}, step {step} of {len(loader)}: loss {loss.item():.3f}")
    return model.encoder


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--output", default="encoder.pt")
    args = parser.parse_args()
    encoder = pretrain(args.epochs)
    torch.save(encoder.state_dict(), args.output)


if __name__ == "__main__":
    main()
