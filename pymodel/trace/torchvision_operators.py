"""Torchvision beside a torch that its compiled operators were not made for: importable all the same.

PyPI's torchvision beside the CPU build of torch is the usual case: `import torchvision` fails with "operator
torchvision::nms does not exist", and everything that imports it fails along. Shapes need no compiled code, so where the
operators do not load they are declared, with kernels for meta tensors, just before torchvision is imported.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from .assume import active_assumptions

Tensor = torch.Tensor
_POOLED = "Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width"
_SIZES = "SymInt batch_size, SymInt channels, SymInt height, SymInt width"
_GRADIENT = "Tensor grad, Tensor rois"
_SCALED = "float spatial_scale, SymInt pooled_height, SymInt pooled_width"


def _nms(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    return boxes.new_empty(active_assumptions().size(boxes.shape[0]), dtype=torch.int64)


def _roi_align(images: Tensor, rois: Tensor, scale: float, height: int, width: int, *rest: Any) -> Tensor:
    return images.new_empty((rois.shape[0], images.shape[1], height, width))


def _roi_pool(images: Tensor, rois: Tensor, scale: float, height: int, width: int) -> tuple[Tensor, Tensor]:
    pooled = _roi_align(images, rois, scale, height, width)
    return pooled, pooled.new_empty(pooled.shape, dtype=torch.int32)


def _ps_roi_pool(images: Tensor, rois: Tensor, scale: float, height: int, width: int, *rest: Any) -> Any:
    pooled = images.new_empty((rois.shape[0], images.shape[1] // (height * width), height, width))
    return pooled, pooled.new_empty(pooled.shape, dtype=torch.int32)


def _deform_conv2d(images: Tensor, weight: Tensor, offset: Tensor, *rest: Any) -> Tensor:
    return images.new_empty((images.shape[0], weight.shape[0], *offset.shape[-2:]))


_OPERATORS: dict[str, tuple[str, Callable[..., Any] | None]] = {
    **dict.fromkeys(("nms", "qnms"), ("(Tensor dets, Tensor scores, float iou_threshold) -> Tensor", _nms)),
    **dict.fromkeys(
        ("roi_align", "qroi_align"), (f"({_POOLED}, int sampling_ratio, bool aligned) -> Tensor", _roi_align)
    ),
    **dict.fromkeys(("roi_pool", "qroi_pool"), (f"({_POOLED}) -> (Tensor, Tensor)", _roi_pool)),
    "ps_roi_align": (f"({_POOLED}, int sampling_ratio) -> (Tensor, Tensor)", _ps_roi_pool),
    "ps_roi_pool": (f"({_POOLED}) -> (Tensor, Tensor)", _ps_roi_pool),
    "deform_conv2d": (
        "(Tensor input, Tensor weight, Tensor offset, Tensor mask, Tensor bias, SymInt stride_h, SymInt stride_w, "
        "SymInt pad_h, SymInt pad_w, SymInt dilation_h, SymInt dilation_w, SymInt groups, SymInt offset_groups, "
        "bool use_mask) -> Tensor",
        _deform_conv2d,
    ),
    "_roi_align_backward": (f"({_GRADIENT}, {_SCALED}, {_SIZES}, int sampling_ratio, bool aligned) -> Tensor", None),
    "_roi_pool_backward": (f"({_GRADIENT}, Tensor argmax, {_SCALED}, {_SIZES}) -> Tensor", None),
    "_ps_roi_pool_backward": (f"({_GRADIENT}, Tensor channel_mapping, {_SCALED}, {_SIZES}) -> Tensor", None),
    "_ps_roi_align_backward": (
        f"({_GRADIENT}, Tensor channel_mapping, {_SCALED}, int sampling_ratio, {_SIZES}) -> Tensor",
        None,
    ),
}


class TorchvisionOperators(importlib.abc.MetaPathFinder):
    """Stands first in `sys.meta_path` and finds nothing: it sees that torchvision is about to be imported."""

    def __init__(self) -> None:
        self.library: torch.library.Library | None = None

    @property
    def declared(self) -> bool:
        """Whether torchvision's own operators did not load."""
        return self.library is not None

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name == "torchvision" and not self.declared:
            spec = importlib.machinery.PathFinder.find_spec(name)
            if spec is not None and spec.submodule_search_locations and not _load(spec.submodule_search_locations[0]):
                self.library = _declare()
        return None


def _load(folder: str) -> bool:
    """Load torchvision's compiled operators, as it would itself; whether they are there now."""
    for compiled in Path(folder).glob("_C*.*"):
        try:
            torch.ops.load_library(str(compiled))  # type: ignore[no-untyped-call]
        except OSError:
            continue
    return hasattr(torch.ops.torchvision, "nms")


def _declare() -> torch.library.Library:
    library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for name, (signature, kernel) in _OPERATORS.items():
        library.define(name + signature)  # type: ignore[no-untyped-call]
        if kernel is not None:
            library.impl(name, kernel, "Meta")  # type: ignore[no-untyped-call]
    return library


OPERATORS = TorchvisionOperators()


def watch_for_torchvision() -> TorchvisionOperators:
    """Declare what is missing when torchvision is imported in this process; safe to call again."""
    if OPERATORS not in sys.meta_path:
        sys.meta_path.insert(0, OPERATORS)
    return OPERATORS
