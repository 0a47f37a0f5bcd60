"""`python -m tests.corpus.exports`: architectures exported to ONNX and proven, each by the command; docs/export.md.

Each is a file that makes the model, so that the command finds, traces, exports and proves it as it does a user's.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from .packages import FOLDER, PACKAGES, ROOT, distribution, environment, fingerprint, install

SCRATCH = FOLDER / "exports"
DOCUMENT = ROOT / "docs" / "export.md"
START, END = "<!-- corpus -->", "<!-- end of corpus -->"
SECONDS = 900
VERSIONS = ("torch", "onnx", "onnxscript", "onnxruntime", "timm", "transformers")
TORCHVISION = """\
from pymodel.trace.torchvision_operators import watch_for_torchvision

watch_for_torchvision()  # the one that is there was made for another build of torch

"""
IMAGE = "x=(B, 3, {0}, {0})"
TEXT = "input_ids=(B, T):int64"


@dataclass(frozen=True)
class Case:
    """A model, as the text of the file that makes it, and its inputs as pins; none: the command finds them."""

    name: str
    source: str
    text: str
    inputs: tuple[str, ...]


def cases() -> Iterator[Case]:
    for name, size in TIMM.items():
        text = f"{TORCHVISION}import timm\n\n\ndef build():\n    return timm.create_model({name!r}, pretrained=False)\n"
        yield Case(name, "timm", text, (IMAGE.format(size),))
    for name, (config, settings, inputs) in TRANSFORMERS.items():
        made = f"{name}({config}({settings}))"
        text = f"{TORCHVISION}from transformers import {config}, {name}\n\n\ndef build():\n    return {made}\n"
        yield Case(name, "transformers", text, inputs)
    for name, (construction, inputs) in OWN.items():
        text = f"from tests.corpus import export_models\n\n\ndef build():\n    return export_models.{construction}\n"
        yield Case(name, "own", text, inputs)
    for folder, names in ARTICLE.items():
        text = (ROOT / "pymodel" / "samples" / "project" / folder / "model.py").read_text()
        for name in names:
            yield Case(name, "the sample project", text, ())


TIMM = {
    **dict.fromkeys(("resnet18", "mobilenetv3_small_050", "efficientnet_b0", "convnext_atto", "densenet121"), 64),
    **dict.fromkeys(
        ("regnetx_002", "ghostnet_050", "repvgg_a0", "mobilevit_xxs", "poolformer_s12", "res2net50_14w_8s"), 64
    ),
    **dict.fromkeys(("inception_v3",), 128),
    **dict.fromkeys(("edgenext_xx_small", "fastvit_t8", "hrnet_w18_small", "xcit_nano_12_p16_224", "levit_128s"), 224),
    **dict.fromkeys(("vit_tiny_patch16_224", "swin_tiny_patch4_window7_224", "mixer_s32_224"), 224),
}
"""With the size of the image."""
SMALL = "hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64"
TRANSFORMERS = {
    "BertModel": ("BertConfig", f"{SMALL}, vocab_size=100", (TEXT, "attention_mask=(B, T):int64")),
    "RobertaForMaskedLM": ("RobertaConfig", f"{SMALL}, vocab_size=100", (TEXT,)),
    "DistilBertModel": ("DistilBertConfig", "dim=32, n_layers=2, n_heads=4, hidden_dim=64, vocab_size=100", (TEXT,)),
    "AlbertModel": ("AlbertConfig", f"{SMALL}, embedding_size=16, vocab_size=100", (TEXT,)),
    "ElectraForSequenceClassification": ("ElectraConfig", f"{SMALL}, embedding_size=16, vocab_size=100", (TEXT,)),
    "GPT2LMHeadModel": ("GPT2Config", "n_embd=32, n_layer=2, n_head=4, vocab_size=100, use_cache=False", (TEXT,)),
    "LlamaForCausalLM": ("LlamaConfig", f"{SMALL}, vocab_size=100, use_cache=False", (TEXT,)),
    "OPTModel": (
        "OPTConfig",
        "hidden_size=32, num_hidden_layers=2, num_attention_heads=4, ffn_dim=64, vocab_size=100, "
        "word_embed_proj_dim=32, use_cache=False",
        (TEXT,),
    ),
    "T5EncoderModel": ("T5Config", "d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, vocab_size=100", (TEXT,)),
    "ViTForImageClassification": (
        "ViTConfig",
        f"{SMALL}, image_size=32, patch_size=8",
        ("pixel_values=(B, 3, 32, 32)",),
    ),
    "CLIPVisionModel": (
        "CLIPVisionConfig",
        f"{SMALL}, image_size=32, patch_size=8",
        ("pixel_values=(B, 3, 32, 32)",),
    ),
}
OWN = {
    "Mlp": ("Mlp()", ("x=(B, 20)",)),
    "UNet": ("UNet()", ()),
    "TemporalConv": ("TemporalConv()", ("series=(B, T, 4)",)),
    "GRU": ("Recurrent('GRU')", ("ids=(B, T):int64",)),
    "LSTM": ("Recurrent('LSTM')", ("ids=(B, T):int64",)),
    "Encoder": ("Encoder()", ("ids=(B, T):int64",)),
    "GraphAttention": ("GraphAttention()", ("nodes=(B, N, 8)", "edges=(B, N, N):bool")),
    "Autoencoder": ("Autoencoder()", ("image=(B, 1, 28, 28)",)),
    "Mixture": ("Mixture()", ("x=(B, T, 16)",)),
    "Detector": ("Detector()", ("image=(B, 3, H, W)",)),
}
ARTICLE = {"image_classifier": ("MyModel",), "text_classifier": ("Matcher", "TextClassifier")}


def main() -> int:
    """Export all that has no result yet of this engine and these libraries."""
    install()
    SCRATCH.mkdir(parents=True, exist_ok=True)
    rows = []
    for case in cases():
        row = run(case)
        rows.append(row)
        error = row["error"] or f"largest error {max((each['max_abs_error'] for each in row['outputs']), default=0)}"
        print(
            f"{case.name}: {'proven' if row['verified'] else 'NOT PROVEN'}, {row['seconds']:.0f} s: {error}", flush=True
        )
    write_table(rows)
    return 0


def run(case: Case) -> dict[str, Any]:
    """Export one, in a folder of its own; a result that is there is used again."""
    folder = SCRATCH / case.name
    kept = folder / "result.json"
    made_by = fingerprint("pymodel/export")
    if kept.exists() and (known := json.loads(kept.read_text()))["made_by"] == made_by:
        return dict(known)
    folder.mkdir(exist_ok=True)
    name = case.name if case.source == "the sample project" else "build"
    (folder / "model.py").write_text(case.text)
    words = [word for pin in case.inputs for word in ("--input", pin)]
    command = [sys.executable, "-m", "pymodel", "export", f"model.py::{name}", "-o", "model.onnx", "--json", *words]
    start = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=SECONDS, check=False
    )
    document = json.loads(done.stdout) if done.stdout.strip() else {}
    errors = [line for line in done.stderr.splitlines() if line.startswith("pymodel: ")]
    row = {
        "name": case.name,
        "source": case.source,
        "verified": bool(document.get("verified")),
        "sizes": document.get("sizes", []),
        "outputs": document.get("outputs", []),
        "notes": document.get("notes", []),
        "error": errors[0].removeprefix("pymodel: ") if errors else "",
        "seconds": time.perf_counter() - start,
        "made_by": made_by,
    }
    kept.write_text(json.dumps(row))
    return row


def write_table(rows: list[dict[str, Any]]) -> None:
    """Put the table into the document, between its two marks."""
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(START)
    after = rest.partition(END)[2]
    text = "\n".join([START, *_table(rows), END])
    DOCUMENT.write_text(before + text + after, encoding="utf-8")


def _table(rows: list[dict[str, Any]]) -> Iterator[str]:
    from pymodel.export.report import describe_sizes

    proven = [row for row in rows if row["verified"]]
    versions = ", ".join(f"{name} {found}" for name in VERSIONS if (found := _version(name)))
    today = f"{datetime.now(UTC):%d %B %Y}"
    yield f"{len(proven)} of {len(rows)} proven, by `python -m tests.corpus.exports`, {today}, on the CPU."
    yield f"Python {platform.python_version()}, {versions}."
    yield ""
    yield "| model | from | proven at | outputs | largest absolute error | largest relative error | to know |"
    yield "|---|---|---|--:|--:|--:|---|"
    for row in rows:
        errors = [
            max((each[key] for each in row["outputs"]), default=0.0) for key in ("max_abs_error", "max_rel_error")
        ]
        shown = [f"{each:.1e}" for each in errors] if row["verified"] else ["", ""]
        at = describe_sizes(row["sizes"]) if row["verified"] else "**not proven**"
        words = "; ".join([*row["notes"], *([row["error"]] if row["error"] else [])])
        words = words.replace(str(SCRATCH) + os.sep, "").replace(str(PACKAGES) + os.sep, "")
        yield f"| {row['name']} | {row['source']} | {at} | {len(row['outputs'])} | {' | '.join(shown)} | {words} |"


def _version(name: str) -> str | None:
    with contextlib.suppress(LookupError):
        return distribution(name).version  # the corpus's own comes first on the path
    with contextlib.suppress(PackageNotFoundError):
        return version(name)
    return None


if __name__ == "__main__":
    sys.exit(main())
