"""What is not followed on meta tensors, through no fault of the code that does it."""

from __future__ import annotations

import re

import torch

OWED_TO_META = re.compile(r"\bmeta (tensor|device)|\bdevice ?(type)?[=:]? ?'?meta\b")
"""How torch and its kernels refuse a tensor because it is on meta."""
NESTED = "nested tensors are not followed: shapes are known up to here."


class Unsupported(Exception):
    """Something that is not followed, in words for whoever wrote it."""


def refuse_nested(tensor: torch.Tensor) -> None:
    """Stop at a nested tensor: its sizes are no numbers.

    Raises:
        Unsupported: it is one.
    """
    if tensor.is_nested:
        raise Unsupported(NESTED)


def unsupported(error: BaseException) -> Unsupported | None:
    """Whether an error is owed to a part of torch that does nothing on meta, and not to the code that uses it."""
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_globals.get("__name__", "").startswith("torch.nested"):
            return Unsupported(NESTED)
        traceback = traceback.tb_next
    if OWED_TO_META.search(str(error)):
        words = str(error).strip().splitlines()[0]
        return Unsupported(f"this needs the values of tensors: shapes are known up to here ({words}).")
    return None
