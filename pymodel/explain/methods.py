"""Captum's methods, each with what it needs for an input of any kind. What they mean: docs/explain.md."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .scored import Scored

FEWEST_RUNS = 200
RUNS_A_PART = 10
AT_ONCE = 32
"""Examples of a batch."""
STEPS, MOST_STEPS = 50, 400
CLOSE = 0.01
"""Integrated gradients take more steps until their sum is this close to what it should be, as a share of it."""


@dataclass(frozen=True)
class Found:
    """`values` have the input's shape, or are (height, width). `how` names the settings."""

    values: Tensor
    how: str
    is_complete: bool = False
    """In theory they add up to the score's difference to the baseline's."""


class NotForThisModel(Exception):
    """A method needs something that the model or the sample does not have. Its text says what."""


def _captum() -> Any:
    return importlib.import_module("captum.attr")


def integrated_gradients(scored: Scored, target: int) -> Found:
    expected = scored.score(scored.input, target) - scored.score(scored.baseline, target)
    steps = STEPS
    while True:
        values = (
            _captum()
            .IntegratedGradients(scored)
            .attribute(scored.input, scored.baseline, target=target, n_steps=steps, internal_batch_size=AT_ONCE)
        )
        error = abs(float(values.sum()) - expected)
        if error <= CLOSE * abs(expected) or steps >= MOST_STEPS:
            return Found(values, f"{steps} steps from zeros", is_complete=True)
        steps *= 2


def saliency(scored: Scored, target: int) -> Found:
    values = _captum().Saliency(scored).attribute(scored.input.clone().requires_grad_(), target=target, abs=True)
    return Found(values, "Magnitude of the gradient, whichever way it points")


def grad_cam(scored: Scored, target: int) -> Found:
    if scored.sample.kind != "image":
        raise NotForThisModel("Grad-CAM is for images.")
    layer, name = _last_convolution(scored)
    values = _captum().LayerGradCam(scored, layer).attribute(scored.input, target=target, relu_attributions=True)
    size = scored.input.shape[2:]
    heat = nn.functional.interpolate(values.detach(), size=size, mode="bilinear", align_corners=False)
    return Found(heat[0, 0], f"At {name}")


def occlusion(scored: Scored, target: int) -> Found:
    shape = scored.input.shape[1:]
    window: tuple[int, ...]
    strides: tuple[int, ...]
    if scored.sample.kind == "image":
        cell = max(1, max(shape[1:]) // 6)
        window, strides = (shape[0], min(cell, shape[1]), min(cell, shape[2])), (shape[0], *[max(1, cell // 2)] * 2)
        how = f"{window[1]}×{window[2]} pixels at a time"
    elif scored.embedding is not None:
        window, strides, how = (1, *shape[1:]), (1, *shape[1:]), "One token at a time"
    else:
        window, strides, how = (1,) * len(shape), (1,) * len(shape), "One number at a time"
    values = (
        _captum()
        .Occlusion(scored)
        .attribute(
            scored.input, window, strides, baselines=scored.baseline, target=target, perturbations_per_eval=AT_ONCE
        )
    )
    told = scored.reduce(values).numel() / values.numel()  # one number a pixel or token, though each of its own has it
    return Found(values * told, how)


def lime(scored: Scored, target: int) -> Found:
    return _by_leaving_out(_captum().Lime(scored, interpretable_model=LeastSquares(ridge=1e-2)), scored, target)


def kernel_shap(scored: Scored, target: int) -> Found:
    method = _captum().KernelShap(scored)
    method.interpretable_model = LeastSquares()
    return _by_leaving_out(method, scored, target, is_complete=True)


METHODS: dict[str, tuple[str, Callable[[Scored, int], Found]]] = {
    "integrated-gradients": ("Integrated gradients", integrated_gradients),
    "saliency": ("Saliency", saliency),
    "grad-cam": ("Grad-CAM", grad_cam),
    "occlusion": ("Occlusion", occlusion),
    "lime": ("LIME", lime),
    "kernel-shap": ("Kernel SHAP", kernel_shap),
}


class LeastSquares:
    """The linear model that LIME and Kernel SHAP fit: weighted, with an intercept, solved in float64."""

    def __init__(self, ridge: float = 0.0) -> None:
        self.ridge = ridge
        self.coefficients = torch.empty(0)

    def fit(self, examples: Any, **_: Any) -> dict[str, float]:
        parts = [tuple(each.double() for each in batch) for batch in examples]
        inputs, outputs, weights = (torch.cat(column) for column in zip(*parts, strict=True))
        root = weights.flatten().sqrt().unsqueeze(1)
        design = torch.cat([inputs.flatten(1), torch.ones_like(root)], dim=1) * root
        right = outputs.reshape(-1, 1) * root
        if self.ridge:
            penalty = torch.eye(design.shape[1], dtype=torch.float64) * (self.ridge * float(weights.sum())) ** 0.5
            penalty[-1] = 0
            design, right = torch.cat([design, penalty]), torch.cat([right, right.new_zeros(len(penalty), 1)])
        self.coefficients = torch.linalg.lstsq(design, right, driver="gelsd").solution[:-1].T.float()
        return {}

    def representation(self) -> Tensor:
        return self.coefficients


def _by_leaving_out(method: Any, scored: Scored, target: int, *, is_complete: bool = False) -> Found:
    torch.manual_seed(0)
    runs = max(FEWEST_RUNS, RUNS_A_PART * scored.parts)
    values = method.attribute(
        scored.input,
        baselines=scored.baseline,
        target=target,
        feature_mask=scored.features,
        n_samples=runs,
        perturbations_per_eval=AT_ONCE,
    )
    counts = torch.bincount(scored.features.flatten())  # each number of a part has the part's value: it is shared out
    return Found(values / counts[scored.features], f"{scored.parts} parts, {runs} runs", is_complete)


def _last_convolution(scored: Scored) -> tuple[nn.Module, str]:
    """The last one that runs and gives (B, channels, height, width)."""
    found: list[nn.Module] = []

    def note(module: nn.Module, given: Any, output: Any) -> None:
        if isinstance(output, Tensor) and output.dim() == 4:
            found.append(module)

    layers = [each for each in scored.model.modules() if isinstance(each, nn.modules.conv._ConvNd)]
    handles = [each.register_forward_hook(note) for each in layers]
    try:
        with torch.no_grad():
            scored(scored.input)
    finally:
        for handle in handles:
            handle.remove()
    if not found:
        raise NotForThisModel("Grad-CAM needs a convolution over two axes, and none runs here.")
    names = {module: name for name, module in scored.model.named_modules()}
    return found[-1], names[found[-1]]
