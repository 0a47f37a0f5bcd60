"""What functions over packed sequences give on meta.

How many steps there are in all, only the lengths tell: an unknown size, unless they are known. The longest sequence is
taken to fill its batch, as batches are padded to it. torch's own code reads the sizes of the steps from memory, which a
meta tensor has not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from .assume import active_assumptions

Tensor = torch.Tensor


def _pack(source: Tensor, lengths: Tensor, batch_first: bool) -> tuple[Tensor, Tensor]:
    batch, time = (0, 1) if batch_first else (1, 0)
    known = active_assumptions().known(lengths)
    if known is None:
        rows = active_assumptions().size(source.shape[0] * source.shape[1], 1)
        steps = torch.full((source.shape[time],), source.shape[batch], dtype=torch.int64, device="cpu")
    else:
        rows = int(known.sum())
        steps = torch.tensor(
            [int((known > step).sum()) for step in range(int(known.max()))], dtype=torch.int64, device="cpu"
        )
    rest = (source[:, 0] if batch_first else source[0]).shape[1:]
    data = source.new_empty((rows, *rest))
    if source.requires_grad and torch.is_grad_enabled():
        data = data + source.flatten()[:1].sum()
    return data, steps


def _pad(
    data: Tensor, batch_sizes: Tensor, batch_first: bool, padding_value: float, total_length: int
) -> tuple[Tensor, Tensor]:
    known = active_assumptions().known(batch_sizes)
    assert known is not None, "sizes of steps are made by `_pack`, which knows them"
    batch, steps = int(known[0]), max(total_length, len(known))
    padded = data[:1].unsqueeze(0).expand(batch, steps, *data.shape[1:]).clone()
    lengths = torch.empty(batch, dtype=torch.int64, device="meta")
    return padded if batch_first else padded.transpose(0, 1), lengths


def _layer(function: Callable[..., Any]) -> Callable[..., Any]:
    """A recurrent layer over packed rows: one step over as many sequences as there are rows, by its shapes."""

    def kernel(data: Tensor, batch_sizes: Tensor, state: Any, *rest: Any) -> Any:
        states: Sequence[Tensor] = state if isinstance(state, (list, tuple)) else (state,)
        rows = [each[:, :1].expand(-1, data.shape[0], -1) for each in states]
        given = rows if isinstance(state, (list, tuple)) else rows[0]
        output, *last = function(data.unsqueeze(0), given, *rest, False)
        return output.squeeze(0), *(
            each[:, :1].expand(-1, begun.shape[1], -1).clone() for each, begun in zip(last, states, strict=True)
        )

    return kernel


_RECURRENT = {name: getattr(torch, name) for name in ("lstm", "gru", "rnn_tanh", "rnn_relu")}
NAMES = frozenset(("_pack_padded_sequence", "_pad_packed_sequence", *_RECURRENT))
"""Functions that may be about packed sequences."""


def in_place_of(name: str, args: tuple[Any, ...]) -> Callable[..., Any] | None:
    """What to call in the place of one of `NAMES`; None where nothing is packed: torch's own will do."""
    if name == "_pack_padded_sequence":
        return _pack
    if name == "_pad_packed_sequence":
        return _pad
    is_packed = isinstance(args[1], torch.Tensor) and args[1].dim() == 1
    return _layer(_RECURRENT[name]) if is_packed else None
