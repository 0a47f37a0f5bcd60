"""Opening weight files: what is read, and what hostile or broken files get: one clear error, and nothing run."""

from __future__ import annotations

import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from pymodel.weights import WeightsNotReadable, load_weights, open_weights

from ..scripted import save_scripted

CANARY = "ran.txt"


class Payload:
    """Runs a command when it is unpickled by anything that follows pickles."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return os.system, (f"touch {self.folder / CANARY}",)


@pytest.fixture
def weights() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    tied = torch.randn(4, 3)
    return {
        "a": torch.randn(5, 7),
        "transposed": torch.randn(6, 2).T,
        "half": torch.randn(3).bfloat16(),
        "count": torch.tensor(3),
        "empty": torch.empty(0, 4),
        "complex": torch.randn(2, dtype=torch.complex64).conj(),
        "tied.one": tied,
        "tied.two": tied,
    }


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_state_dict_is_read_bit_for_bit(
    weights: dict[str, torch.Tensor], tmp_path: Path, legacy: bool, wrapped: bool
) -> None:
    content = {"epoch": 3, "model": weights, "optimizer": {"state": {0: {"step": torch.tensor(1.0)}}}}
    torch.save(content if wrapped else weights, tmp_path / "w.pt", _use_new_zipfile_serialization=not legacy)
    with open_weights(tmp_path / "w.pt") as opened:
        assert opened.shared == {"tied.two": "tied.one"}
        read = {name: opened.read(name) for name in opened.places}
    assert list(read) == list(weights)
    for name, expected in weights.items():
        assert read[name].dtype == expected.dtype
        assert torch.equal(read[name], expected), name


def test_safetensors_need_no_package_and_are_mapped(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(safetensors({"x": ("F32", [2, 2], [0, 16])}, b"\0" * 16))
    with open_weights(path) as opened:
        tensor = opened.read("x")
    tensor += 1
    assert tensor.tolist() == [[1.0, 1.0], [1.0, 1.0]]
    assert path.read_bytes()[-16:] == b"\0" * 16  # what is mapped is this process's own
    assert load_weights(path)["x"].tolist() == [[0.0, 0.0], [0.0, 0.0]]


def safetensors(entries: dict[str, tuple[str, list[int], list[int]]], data: bytes) -> bytes:
    described = {name: {"dtype": a, "shape": b, "data_offsets": c} for name, (a, b, c) in entries.items()}
    header = json.dumps(described).encode()
    return struct.pack("<Q", len(header)) + header + data


def good_zip(path: Path) -> bytes:
    torch.save({"weight": torch.ones(64, 64)}, path)
    return path.read_bytes()


def bomb(path: Path) -> None:
    """A record that unpacks to a thousand times its size."""
    torch.save({"weight": torch.ones(8)}, path)
    with zipfile.ZipFile(path) as archive:
        records = {each.filename: archive.read(each) for each in archive.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in records.items():
            archive.writestr(name, b"\0" * (64 << 20) if "/data/" in name else content)


def many_copies(path: Path) -> None:
    """Records of little compression, which together unpack to far more than the file has."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("w/data.pkl", b"")
        for number in range(8):
            archive.writestr(f"w/data/{number}", os.urandom(1000) * 40)


def renamed(path: Path, name: str) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, b"x")
        archive.writestr("w/data.pkl", b"x")


def grown(path: Path) -> None:
    """A pickle whose lists double thirty times: far beyond any memory if they were printed or walked."""
    content: object = ["x"]
    for _ in range(30):
        content = [content, content]
    path.write_bytes(pickle.dumps({"w": content}, protocol=2))


HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a payload in a zip": (lambda path: torch.save({"w": Payload(path.parent)}, path), "plain weights.*system"),
    "a payload in a bare pickle": (
        lambda path: path.write_bytes(pickle.dumps(Payload(path.parent), 2)),
        "system|magic",
    ),
    "a payload of protocol 4": (lambda path: path.write_bytes(pickle.dumps(Payload(path.parent), 4)), "plain weights"),
    "a payload in the old format": (
        lambda path: torch.save({"w": Payload(path.parent)}, path, _use_new_zipfile_serialization=False),
        "system",
    ),
    "a whole module": (lambda path: torch.save(nn.Linear(2, 2), path), "plain weights.*Linear"),
    "a torchscript program": (lambda path: save_scripted(nn.Linear(2, 2), path), "TorchScript"),
    "a bomb": (bomb, "unpacks from"),
    "many copies": (many_copies, "unpacks"),
    "a record above the folder": (lambda path: renamed(path, "../../evil"), "is called"),
    "an absolute record": (lambda path: renamed(path, "/etc/evil"), "is called"),
    "a zip of something else": (lambda path: renamed(path, "w/other"), "plain weights|data.pkl"),
    "a zip cut off": (lambda path: path.write_bytes(good_zip(path)[:9000]), "damaged or cut off"),
    "a pickle cut off": (lambda path: path.write_bytes(pickle.dumps({"w": 1}, 2)[:-3]), "plain weights"),
    "a pickle that grows": (grown, "plain weights|no state dict"),
    "a dict without tensors": (lambda path: torch.save({"epoch": 3}, path), "no state dict"),
    "an empty file": (lambda path: path.write_bytes(b""), "empty"),
    "wrong magic": (lambda path: path.write_bytes(b"\x7fELF" + b"\0" * 100), "neither"),
    "a web page": (lambda path: path.write_bytes(b"<!DOCTYPE html><html>"), "web page"),
    "a pointer of Git LFS": (
        lambda path: path.write_bytes(b"version https://git-lfs.github.com/v1\n"),
        "lfs pull",
    ),
    "a folder": (lambda path: path.mkdir(), "folder"),
    "a pipe": (os.mkfifo, "pipe"),
    "a header of 2^62 bytes": (lambda path: path.write_bytes(struct.pack("<Q", 1 << 62) + b"{" * 99), "header would"),
    "a header that is no JSON": (lambda path: path.write_bytes(struct.pack("<Q", 9) + b"{" * 99), "no JSON"),
    "a header nested too deep": (
        lambda path: path.write_bytes(struct.pack("<Q", 200_005) + b'{"a":' + b"[" * 200_000 + b"\0"),
        "no JSON",
    ),
    "a tensor behind the end": (
        lambda path: path.write_bytes(safetensors({"x": ("F32", [4], [0, 16])}, b"\0" * 8)),
        "would end at byte",
    ),
    "a tensor of another size": (
        lambda path: path.write_bytes(safetensors({"x": ("F32", [1 << 40], [0, 16])}, b"\0" * 16)),
        "needs others",
    ),
    "a negative size": (
        lambda path: path.write_bytes(safetensors({"x": ("F32", [-2, -2], [0, 16])}, b"\0" * 16)),
        "no counts",
    ),
    "tensors over each other": (
        lambda path: path.write_bytes(
            safetensors({"x": ("F32", [4], [0, 16]), "y": ("F32", [4], [8, 24])}, b"\0" * 24)
        ),
        "over another",
    ),
    "an unknown dtype": (
        lambda path: path.write_bytes(safetensors({"x": ("F99", [4], [0, 16])}, b"\0" * 16)),
        "described by",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_or_broken_file_gives_one_clear_error_and_runs_nothing(case: str, tmp_path: Path) -> None:
    make, words = HOSTILE[case]
    path = tmp_path / "w.pt"
    make(path)
    with pytest.raises(WeightsNotReadable, match=words) as raised:
        load_weights(path)
    assert raised.value.path == str(path)
    assert raised.value.advice
    assert "\n" not in str(raised.value)
    assert not (tmp_path / CANARY).exists()


def test_the_payloads_would_run(tmp_path: Path) -> None:
    """The corpus is worth something only if its payloads work where nothing stops them."""
    pickle.loads(pickle.dumps(Payload(tmp_path)))
    assert (tmp_path / CANARY).exists()


def test_what_gets_past_the_unpickler_can_change_nothing(tmp_path: Path) -> None:
    """The process that unpickles refuses effects even where torch's unpickler lets code through."""
    path = tmp_path / "w.pt"
    torch.save({"w": Payload(tmp_path)}, path)
    with torch.serialization.safe_globals([os.system]), pytest.raises(WeightsNotReadable):
        load_weights(path)
    assert not (tmp_path / CANARY).exists()
