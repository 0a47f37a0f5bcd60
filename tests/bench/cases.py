"""The models that are measured, and what each is fed."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent / "models"
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Case:
    """`size` and `dtype` of the one input, at a batch of 7."""

    name: str
    title: str
    class_name: str
    size: tuple[int, ...]
    dtype: str = "float32"

    @property
    def path(self) -> Path:
        return FOLDER / f"{self.name}.py"

    def load_class(self) -> Callable[[], Any]:
        spec = importlib.util.spec_from_file_location(f"bench_{self.name}", self.path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return getattr(module, self.class_name)  # type: ignore[no-any-return]


CASES = (
    Case("cnn", "small CNN", "SmallCNN", (7, 3, 32, 32)),
    Case("resnet50", "resnet50", "ResNet50", (7, 3, 224, 224)),
    Case("vit_l", "ViT-L", "ViTL", (7, 3, 224, 224)),
    Case("gpt_48", "GPT-48", "GPT48", (7, 13), "int64"),
    Case("llama_70b", "Llama-70B", "Llama70B", (7, 13), "int64"),
)


def case_of(name: str) -> Case:
    return next(case for case in CASES if case.name == name)


def measure_apart(module: str, name: str) -> Any:
    """What `python -m tests.bench.MODULE NAME` prints as JSON: each in a process of its own, cold caches and all."""
    command = [sys.executable, "-m", f"tests.bench.{module}", name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])
