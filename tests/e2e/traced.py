"""Real traces of real models, shown by the page as the extension shows them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from unittest.mock import patch

from pymodel.browse.session import GraphSession
from pymodel.cli.analyses import analyse_file
from pymodel.schema import Trace
from pymodel.worker.client import Worker

from .graph_page import GraphPage

TESTS = Path(__file__).resolve().parents[1]
MODELS = {
    "article": "../pymodel/samples/project/image_classifier/model.py::MyModel",
    "resnet50": "bench/models/resnet50.py::ResNet50",
    "unet": "fixtures/models/unet.py::UNet",
    "nano-gpt": "fixtures/models/nano_gpt.py::GPT",
    "vit-l": "bench/models/vit_l.py::ViTL",
    "llama-70b": "bench/models/llama_70b.py::Llama70B",
    "two-tower": "fixtures/truth/tabular/two_tower.py::TwoTower",
}
BROKEN = """\
import torch
from torch import nn


class Broken(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Linear(16, 32)
        self.middle = nn.Linear(31, 8)
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        x = torch.relu(self.stem(x))
        x = torch.relu(self.middle(x))
        return self.head(x)


Broken()(torch.randn(4, 16))
"""


def trace_models(folder: Path) -> dict[str, Trace]:
    """One trace of each, by its name; `broken` has an error in its middle."""

    (folder / "broken.py").write_text(BROKEN, encoding="utf-8")
    targets = {name: str((TESTS / target).resolve()) for name, target in MODELS.items()}
    targets["broken"] = f"{folder / 'broken.py'}::Broken"
    with patch.dict(os.environ, PYMODEL_ANALYSIS_SECONDS="150"), Worker() as worker:  # a busy machine's seconds
        return {
            name: analyse_file(worker, target.partition("::")[0], (target,)).traces[0]
            for name, target in targets.items()
        }


class Shown:
    """A page and the session that answers it."""

    def __init__(self, graph: GraphPage, trace: Trace) -> None:
        self.graph = graph
        self.session = GraphSession(trace, {})
        self._answered = len(graph.posted_all())
        self.tell({"type": "open", "path": ""})

    def tell(self, message: dict[str, Any]) -> None:
        """Say to the session what the page would have said, and wait for what it answers to be shown."""
        self._pass_on(self.session.answer(message))

    def answer(self, type: str) -> None:
        """Answer what the page has said since, the last of which is of this type."""
        self.graph.page.wait_for_function(
            "([start, type]) => window.posted.slice(start).some(m => m.type === type)", arg=[self._answered, type]
        )
        messages = self.graph.posted_all()
        fresh, self._answered = messages[self._answered :], len(messages)
        for message in fresh:
            self._pass_on(self.session.answer(message))

    def _pass_on(self, answers: list[dict[str, Any]]) -> None:
        for answer in answers:
            if answer["type"] == "level":
                self.graph.show_whole(answer["shown"])
            else:
                self.graph.send(json.loads(json.dumps(answer)))
