"""Packed sequences on meta have the shapes of the real ones, for every recurrent layer."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from pymodel.trace.meta import move_to_meta
from pymodel.trace.run import run_forward


class Packed(nn.Module):
    def __init__(self, layer: type[nn.RNNBase], lengths: list[int] | None, **options: Any) -> None:
        super().__init__()
        self.layer = layer(6, 8, num_layers=2, **options)
        self.lengths = lengths

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> Any:
        packed = pack_padded_sequence(x, self.lengths or lengths, self.layer.batch_first, enforce_sorted=False)
        output, state = self.layer(packed)
        return pad_packed_sequence(output, self.layer.batch_first), state, output.data if self.lengths else None


@pytest.mark.parametrize("lengths", [None, [3, 5, 1]])
@pytest.mark.parametrize("options", [{}, {"bidirectional": True, "batch_first": True}, {"bias": False}])
@pytest.mark.parametrize("layer", [nn.LSTM, nn.GRU, nn.RNN])
def test_shapes(layer: type[nn.RNNBase], options: dict[str, Any], lengths: list[int] | None) -> None:
    model = Packed(layer, lengths, **options)
    x = torch.randn(3, 5, 6) if model.layer.batch_first else torch.randn(5, 3, 6)
    real = [
        each.shape for each in torch.utils._pytree.tree_leaves(model(x, torch.tensor([3, 5, 1]))) if each is not None
    ]
    move_to_meta(model)
    run = run_forward(model, lambda: ((x.to("meta"), torch.zeros(3, dtype=torch.int64)), {}), {}, frozenset())
    assert run.error is None
    assert not run.faults
    assert [shape for _, shape, _ in run.outputs] == [tuple(shape) for shape in real]
    assert all(each.bytes > 0 and each.flops > 0 for each in run.operations if each.type.startswith("torch.lstm"))
    assert bool(run.unknown) == (lengths is None)
