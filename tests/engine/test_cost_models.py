"""Totals of whole models as expressions, held against real runs on the CPU at sizes that no probe used."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from pymodel_server.features.hover import describe_code
from pymodel_server.state import View
from torch import nn

from pymodel.schema import Position, Trace
from pymodel.trace.symbols import evaluate

from .real_cost import counted_flops, kept_bytes
from .test_trace import FIXTURES, trace

SAMPLES = Path(__file__).resolve().parents[2] / "pymodel/samples/project"
MODELS = {
    "MyModel": (SAMPLES / "image_classifier/model.py", [{"B": 2}, {"B": 5}]),
    "GPT": (FIXTURES / "gpt.py", [{"B": 2, "T": 9}, {"B": 3, "T": 24}]),
    "UNet": (FIXTURES.parent / "resolve/unet.py", [{"B": 2, "H": 24, "W": 40}, {"B": 3, "H": 16, "W": 16}]),
}


@pytest.mark.parametrize("name", MODELS)
def test_totals_are_true(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path, sizes = MODELS[name]
    found = trace(path, name)
    assert found.totals is not None
    for binding in sizes:
        model, inputs = real_run(found, path, binding, monkeypatch)
        names = dict(zip(found.symbols, binding.values(), strict=False))
        assert evaluate(found.totals.flops, names) == counted_flops(model, inputs)
        assert evaluate(found.totals.activation_bytes, names) == kept_bytes(model, inputs)


def test_terms_of_several_symbols_are_summed_exactly() -> None:
    """Attention is quadratic in the length, all else linear: no product and no sum of parts is this."""
    found = trace(FIXTURES / "gpt.py", "GPT")
    assert found.totals is not None
    batch, length = found.symbols
    assert str(found.totals.flops).startswith(f"{batch}*(")
    assert f"{length}**2" in str(found.totals.flops)


def test_modules_add_up(tmp_path: Path) -> None:
    found = trace(FIXTURES / "gpt.py", "GPT")
    by_path = {each.path: each for each in found.modules}
    binding = dict.fromkeys(found.symbols, 8)
    for field in ("flops", "activation_bytes"):
        parts = sum(evaluate(getattr(by_path[f"transformer.h.{n}"], field), binding) for n in range(12))
        whole = evaluate(getattr(by_path[""], field), binding)
        rest = sum(evaluate(getattr(by_path[path], field), binding) for path in ("lm_head", "transformer.ln_f"))
        embeddings = sum(evaluate(getattr(by_path[f"transformer.{path}"], field), binding) for path in ("wte", "wpe"))
        own = 0 if field == "flops" else 8 * len([1])  # the index of the last position, which `x[:, [-1], :]` keeps
        assert parts + rest + embeddings + own == whole


def test_a_calls_hover_tells_its_flops() -> None:
    path = SAMPLES / "image_classifier/model.py"
    found = trace(path, "MyModel")
    call = next(each for each in found.values if each.text == "self.conv1(x)")
    view = View(found, str(path), stale=False)
    described = describe_code(view, Position(call.start.line, call.end.column), [found])
    assert described is not None
    assert 2 * 27 * 64 * 100 == 345_600
    assert "346 kFLOPs a sample" in described[0]


def test_lazy_and_frozen_and_shared_parameters(tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    path.write_text(
        "import torch\nfrom torch import nn\n\n\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.first = nn.LazyLinear(4)\n"
        "        self.second = nn.Linear(4, 4, bias=False)\n"
        "        self.third = nn.Linear(4, 4, bias=False)\n"
        "        self.third.weight = self.second.weight\n"
        "        self.frozen = nn.Linear(4, 2).requires_grad_(False)\n\n"
        "    def forward(self, x):\n"
        "        return self.frozen(self.third(self.second(self.first(x))))\n\n\n"
        "x = torch.randn(8, 3)\nprint(Net()(x))\n"
    )
    totals = trace(path, "Net").totals
    assert totals is not None
    assert (totals.parameters, totals.trainable) == (16 + 16 + 10, 16 + 16)


def real_run(
    found: Trace, path: Path, binding: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    """The model for real, as the trace says it is constructed and fed."""
    monkeypatch.syspath_prepend(path.parent)
    namespace: dict[str, Any] = {"__name__": "model_for_real", "__file__": str(path)}
    sys.modules["model_for_real"] = type(sys)("model_for_real")  # dataclasses look their module up
    exec(compile(path.read_text(), path, "exec"), namespace)
    assert found.construction is not None
    for line in found.construction.prelude:
        exec(line, namespace)
    model = eval(found.construction.expression, namespace).eval()
    names = dict(zip(found.symbols, binding.values(), strict=False))
    inputs = tuple(
        eval(each.expression, {**namespace, "torch": torch, **names}) for each in found.inputs if each.dims is not None
    )
    return model, inputs
