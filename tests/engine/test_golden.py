"""Golden listings: all that is told of a model, to be read line by line.

After a change that is meant to change them: `PYMODEL_OVERWRITE_GOLDEN=1 pytest tests/engine/test_golden.py`, and read
what `git diff` shows.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .listing import render
from .test_trace import FIXTURES, trace

GOLDEN = Path(__file__).parent / "golden"
SAMPLE = Path(__file__).resolve().parents[2] / "pymodel/samples/project/image_classifier/model.py"
MODELS = {
    "article": (SAMPLE, "MyModel"),
    "nano_gpt": (FIXTURES / "nano_gpt.py", "GPT"),
    "min_gpt": (FIXTURES / "min_gpt.py", "GPT"),
    "unet": (FIXTURES / "unet.py", "UNet"),
    "detr": (FIXTURES / "detr.py", "DETR"),
    "packed_bilstm": (FIXTURES / "packed_bilstm.py", "BiLSTMTagger"),
    "diffusion_unet": (FIXTURES / "diffusion_unet.py", "DiffusionUNet"),
    "gan_generator": (FIXTURES / "dcgan.py", "Generator"),
    "gan_discriminator": (FIXTURES / "dcgan.py", "Discriminator"),
    "gnn": (FIXTURES / "gnn.py", "GCN"),
    "mixture_of_experts": (FIXTURES / "moe.py", "MoETransformer"),
}


@pytest.mark.parametrize("name", MODELS)
def test_listing(name: str) -> None:
    path, model = MODELS[name]
    listing = render(trace(path, model), path)
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("PYMODEL_OVERWRITE_GOLDEN"):
        golden.write_text(listing, encoding="utf-8")
    assert listing == golden.read_text(encoding="utf-8")


def test_every_listing_has_its_model() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(MODELS)
