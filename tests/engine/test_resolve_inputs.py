"""What each kind of `forward` is fed where nothing but the class itself is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from pymodel.discover.pins import Spec, TensorSpec, parse_input
from pymodel.resolve.specs import replaced, tensors_in, write_expression

from .test_resolve import FIXTURES, dims, solve

IDS = "torch.zeros((B, T), dtype=torch.int64)"
MASK = "torch.zeros((B, T), dtype=torch.bool)"


@pytest.mark.parametrize(
    ("name", "inputs"),
    [
        (
            "DataclassInput",
            {"batch": "Batch(image=torch.randn(B, 1, 32, 32), label=torch.zeros((B,), dtype=torch.int64))"},
        ),
        ("TupleInput", {"pair": "Pair(left=torch.randn(B, 6), right=torch.randn(B, 9))"}),
        ("TimeFirst", {"x": "torch.randn(T, B, 5)", "h0": "None"}),
        (
            "GraphConvolution",
            {"x": "torch.randn(B, 11)", "edge_index": "torch.zeros((2, E), dtype=torch.int64)"},
        ),
        ("DenseGraph", {"x": "torch.randn(B, 12)", "adj": "torch.randn(B, B)"}),
        ("Noise", {"x": "torch.randn(B, 3, 16, 16)", "t": "torch.randn(B)"}),
        ("Encoder", {"input_ids": IDS, "attention_mask": MASK}),
        ("Masked", {"x": "torch.randn(B, T, 10)", "mask": MASK}),
        ("WithTargets", {"idx": IDS, "targets": IDS}),
        ("KeywordOnly", {"features": "torch.randn(B, 21)", "gate": "torch.randn(B, 2)"}),
        ("Volume", {"scan": "torch.randn(B, 1, 16, 16, 16)"}),
        ("Audio", {"wav": "torch.randn(B, T)"}),
        ("Video", {"clip": "torch.randn(B, 3, 3, 32, 32)"}),
        ("Grayscale", {"image": "torch.randn(B, 1, 32, 32)"}),
        ("Arguments", {"inputs": "torch.randn(B, 15)"}),
        ("Lists", {"features": "(torch.randn(B, 4, 32, 32), torch.randn(B, 6, 32, 32))"}),
        ("Renamed", {"x": "(torch.randn(B, 14), torch.randn(B, 9))"}),
        ("Sparse", {"dense": "torch.randn(B, 13)", "sparse": IDS}),
        ("Commented", {"query": "torch.randn(B, N, 6)", "keys": "torch.randn(B, M, 6)"}),
        ("Helpers", {"inputs": "torch.randn(B, 18)", "scale": "torch.randn(B)"}),
        ("Decoder", {"src": IDS, "tgt": IDS}),
        ("Embedded", {"x": "torch.randn(B, 32, 32)"}),
    ],
)
def test_fed_as_its_author_meant(name: str, inputs: dict[str, str]) -> None:
    found = solve(FIXTURES / "inputs.py", name)
    assert found.verified, found.attempts
    assert {each.name: write_expression(each.spec) for each in found.inputs} == inputs
    assert [parse_input(f"{each.name}={write_expression(each.spec)}").spec for each in found.inputs] == [
        with_dtypes(each.spec) for each in found.inputs
    ]


def with_dtypes(spec: Spec) -> Spec:
    for place, tensor in list(tensors_in(spec)):
        spec = replaced(spec, place, TensorSpec(tensor.dims, tensor.dtype or "float32"))
    return spec


def test_a_wrapper_is_put_around_a_model_of_its_file() -> None:
    found = solve(FIXTURES / "wrapper.py", "Diffusion")
    assert found.verified, found.attempts
    assert found.construction.expression == "Diffusion(model=Denoiser(dim=64))"
    assert [write_expression(each.spec) for each in found.inputs] == ["torch.randn(B, 2, 32, 32)"]


def test_trained_weights_are_never_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(url: str) -> None:
        raise PermissionError(f"PyModel changes nothing while it analyses: this would open {url}.")

    monkeypatch.setattr("torch.hub.load_state_dict_from_url", refuse)
    found = solve(FIXTURES / "wrapper.py", "Weighted")
    assert (found.verified, found.construction.expression) == (True, "Weighted(weights=None)")


def test_lengths_of_packed_sequences_are_one_for_each() -> None:
    found = solve(FIXTURES / "inputs.py", "Packed")
    assert [write_expression(each.spec) for each in found.inputs] == [IDS, "torch.zeros((B,), dtype=torch.int64)"]


def test_layers_whose_sizes_the_first_input_decides(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(
        "from torch import nn\n\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.conv = nn.LazyConv2d(8, 3)\n        self.norm = nn.LazyBatchNorm2d()\n"
        "        self.head = nn.LazyLinear(2)\n\n    def forward(self, x):\n"
        "        b, c, h, w = x.shape\n        assert c % 2 == 0\n"
        "        return self.head(self.norm(self.conv(x)).flatten(1))\n"
    )
    found = solve(path, "Net")
    assert found.verified, found.attempts
    channels = dims(found)[0][1]  # type: ignore[index]
    assert channels > 0
    assert channels % 2 == 0
