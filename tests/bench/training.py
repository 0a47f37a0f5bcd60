"""Our training loop beside one written by hand, epoch by epoch in one process: the same model, data and order."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader

from pymodel import runs
from pymodel.schema import DataSettings, ModelSettings, OptimizerSettings, Recipe, TrainRequest
from pymodel.train.job import take_over
from pymodel.train.loop import Training
from pymodel.train.parallel import Alone
from pymodel.train.prepare import prepare

MODELS = Path(__file__).parent / "models"
CASES = {"mlp": ("Mlp", "vectors"), "cnn": ("Cnn", "images"), "bilstm": ("BiLstm", "tokens"), "gpt": ("Gpt", "text")}
EPOCHS = 7


def measure(name: str) -> dict[str, float]:
    """Seconds of processor time that an epoch takes, the least of several by turns, and the steps that it has."""
    model, data = CASES[name]
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        training = _prepare(Path(folder), model, data)
        by_hand = _write_by_hand(training)
        ours, theirs = [], []
        for _ in range(EPOCHS):
            theirs.append(_seconds(by_hand))
            ours.append(_seconds(training._train_epoch))
        return {"ours": min(ours), "by_hand": min(theirs), "steps": len(training.data.train)}


def _prepare(folder: Path, model: str, data: str) -> Training:
    settings = DataSettings(f"learners.py::{data}", validation=0.0, test=0.0, batch_size=32)
    optimizer = OptimizerSettings(no_decay=())  # one group, as by hand
    recipe = Recipe(ModelSettings(f"learners.py::{model}"), settings, optimizer=optimizer)
    request = TrainRequest(recipe, str(MODELS))
    return prepare(request, take_over(runs.create_run(folder, request)), lambda: False, Alone())


def _write_by_hand(training: Training) -> Callable[[], None]:
    """What one would write: the loss on screen now and then, nothing else."""
    data = training.data.train.dataset.dataset  # type: ignore[attr-defined]
    loader = DataLoader(data, 32, shuffle=True)
    model = training.model
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    criterion = nn.CrossEntropyLoss()

    def epoch() -> None:
        model.train()
        for step, (inputs, target) in enumerate(loader):
            optimizer.zero_grad()
            output = model(inputs)
            loss = criterion(output.transpose(1, 2) if output.dim() == 3 else output, target)
            loss.backward()
            optimizer.step()
            if step % 50 == 0:
                sys.stderr.write(f"{loss.item():.3f}\n")

    return epoch


def _seconds(work: Callable[[], None]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))
