"""A hand-written loop beside itself monitored, block by block in one process; and what it costs to start."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader

from pymodel import runs
from pymodel.monitor.session import Session, begin
from pymodel.schema import ScriptRequest

MAIN = Path(__file__).resolve().parents[2] / "pymodel" / "__main__.py"
MODELS = Path(__file__).parent / "models"
PAIRS = 40
LEARNERS = {"mlp": ("Mlp", "vectors", 24), "cnn": ("Cnn", "images", 6)}
SCRIPT = """import torch
w = torch.nn.Parameter(torch.ones(4))
optimizer = torch.optim.SGD([w], lr=0.1)
for _ in range(2000):
    optimizer.zero_grad()
    loss = w.square().sum()
    loss.backward()
    optimizer.step()
"""


def measure(name: str) -> dict[str, float]:
    return measure_start() if name == "start" else measure_steps(name)


def measure_steps(name: str) -> dict[str, float]:
    """Microseconds of processor time that a step takes, those that the monitor adds (the median of pairs of blocks,
    with the writer's thread), and bytes on disk a step."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        request = ScriptRequest(str(Path(__file__)), None, (), folder)
        plain = _read_places()
        session = begin(request, Path(folder) / "run")
        hooked = _read_places()
        step, count = _write_loop(*LEARNERS[name])
        step()
        plains, added = [], []
        for _ in range(PAIRS):
            with _in_place(plain, session, active=False):
                off = _seconds(step)
            with _in_place(hooked, session, active=True):
                on = _seconds(step)
            plains.append(off / count)
            added.append((on - off) / count)
        session.writer.write()
        rows, _ = runs.read_metrics(session.folder)
        size = sum(path.stat().st_size for path in session.folder.glob("metrics.*"))
        found = {
            "step": statistics.median(plains) * 1e6,
            "added": statistics.median(added) * 1e6,
            "bytes": size / rows[-1].step,
        }
        session.writer.close(state="completed")
    return found


def measure_start() -> dict[str, float]:
    """Seconds of processor time and megabytes that a monitored script takes beyond a plain one; the least of some."""
    with tempfile.TemporaryDirectory() as folder:
        empty, steps = Path(folder) / "empty.py", Path(folder) / "steps.py"
        empty.write_text("pass\n")
        steps.write_text(SCRIPT)
        runner = ["-P", str(MAIN), "run"]
        plain = min(_spend([str(empty)], folder) for _ in range(5))
        monitored = min(_spend([*runner, str(empty)], folder) for _ in range(5))
        memory = min(_peak([*runner, str(steps)], folder) for _ in range(3)) - min(
            _peak([str(steps)], folder) for _ in range(3)
        )
        return {"start": (monitored - plain) * 1e3, "memory": memory / 1024}


def _write_loop(model_name: str, data_name: str, batches: int) -> tuple[Callable[[], None], int]:
    sys.path.insert(0, str(MODELS))
    learners = importlib.import_module("learners")
    model: nn.Module = getattr(learners, model_name)()
    data = getattr(learners, data_name)()
    loader = DataLoader(torch.utils.data.Subset(data, range(32 * batches)), 32, shuffle=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    criterion = nn.CrossEntropyLoss()

    def epoch() -> None:
        for inputs, target in loader:
            optimizer.zero_grad()
            loss = criterion(model(inputs), target)
            loss.backward()
            optimizer.step()

    return epoch, batches


def _read_places() -> dict[tuple[Any, str], Any]:
    """What the monitor replaces, as it is now."""
    iterator = torch.utils.data.dataloader._BaseDataLoaderIter
    places = [(torch.autograd, "backward"), (torch.optim.Optimizer, "zero_grad"), (nn.Module, "zero_grad")]
    places += [(iterator, "__next__"), (iterator, "__init__"), (iterator, "_reset")]
    return {(holder, name): getattr(holder, name) for holder, name in places}


@contextlib.contextmanager
def _in_place(functions: dict[tuple[Any, str], Any], session: Session, *, active: bool) -> Iterator[None]:
    for (holder, name), function in functions.items():
        setattr(holder, name, function)
    session.recorder.guard.active = active
    yield
    session.recorder.guard.active = True


def _seconds(work: Callable[[], None]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _spend(arguments: list[str], folder: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _peak(arguments: list[str], folder: str) -> float:
    """Kilobytes."""
    process = subprocess.Popen([sys.executable, *arguments], cwd=folder, stdout=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    return usage.ru_maxrss


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))
