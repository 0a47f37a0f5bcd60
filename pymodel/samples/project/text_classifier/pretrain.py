"""Pre-trains the BiLSTM as a language model, on text without labels: python pretrain.py"""

import argparse

import torch
from data import make_unlabelled
from model import LanguageModel
from torch.nn.functional import cross_entropy


def pretrain(steps, batch_size=32, learning_rate=3e-3, seed=0, report=print):
    torch.manual_seed(seed)
    windows = make_unlabelled()
    model = LanguageModel()
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=steps)
    for step in range(1, steps + 1):
        codes = windows[torch.randint(len(windows), (batch_size,))]
        following, previous = model(codes)
        loss = cross_entropy(following.transpose(1, 2), codes[:, 1:])
        loss = (loss + cross_entropy(previous.transpose(1, 2), codes[:, :-1])) / 2
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        if step % 50 == 0 or step == steps:
            report(f"step {step}: loss {loss.item():.3f}")
    return model.encoder


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--output", default="encoder.pt")
    args = parser.parse_args()
    encoder = pretrain(args.steps)
    torch.save(encoder.state_dict(), args.output)


if __name__ == "__main__":
    main()
