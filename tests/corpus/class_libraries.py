"""The libraries whose classes are opened with nothing given, in two halves: what fails in one may be worked on, what
fails in the other is only counted. Those that were not looked at before were dealt out in turn, by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Half = Literal["tuning", "held-out"]


@dataclass(frozen=True)
class ClassLibrary:
    """A distribution, the package of it that holds the classes, and which half it belongs to."""

    name: str
    module: str
    half: Half


def _of(half: Half, *names: str) -> tuple[ClassLibrary, ...]:
    pairs = (name.partition(":") for name in names)
    return tuple(ClassLibrary(name, module or name.replace("-", "_"), half) for name, _, module in pairs)


CLASS_LIBRARIES = (
    *_of(
        "tuning",
        "vit-pytorch",
        "x-transformers",
        "denoising-diffusion-pytorch",
        "segmentation-models-pytorch",
        "timm",
        "bert-pytorch",
        "chemprop",
        "d2l",
        "demucs",
        "efficientnet-pytorch",
        "encodec",
        "labml-nn",
        "litgpt",
        "monai",
        "openai-whisper:whisper",
        "performer-pytorch",
        "resnest",
        "torch-rechub",
        "tsai",
        "vector-quantize-pytorch",
    ),
    *_of(
        "held-out",
        "diffusers",
        "torch-geometric",
        "byol-pytorch",
        "conformer",
        "deepctr-torch",
        "denoiser",
        "egnn-pytorch",
        "facenet-pytorch",
        "linformer",
        "lpips",
        "neuralforecast",
        "perceiver-pytorch",
        "pythae",
        "rtdl",
        "segment-anything",
        "slot-attention",
        "torchxrayvision",
        "unet",
    ),
)
