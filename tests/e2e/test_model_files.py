"""Model files on the graph page: read part by part, drawn by Netron's readers, or refused in one sentence."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Browser
from torch import nn

from ..scripted import save_scripted
from .graph_page import GraphPage, build_pages, open_graph_page, serve, strings
from .model_files import write_checkpoint, write_gguf, write_keras, write_safetensors, write_tflite

SCREENSHOTS = os.environ.get("PYMODEL_SCREENSHOTS")
LAYERS = 32
WIDTH = 2048


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.norm = nn.BatchNorm2d(8)
        self.head = nn.Linear(8, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.relu(self.norm(self.conv(x))).mean((2, 3)))  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def addresses() -> Iterator[tuple[str, str]]:
    build_pages()
    with serve() as addresses:
        yield addresses


@pytest.fixture
def graph(browser: Browser, addresses: tuple[str, str]) -> Iterator[GraphPage]:
    """A page for each: no reader rests on what another one has loaded."""
    with open_graph_page(browser, addresses, strings(), width=700) as graph:
        yield graph
        graph.page.evaluate("() => { window.posted.splice(0); }")
        graph.assert_clean()


def text_of(graph: GraphPage, path: Path, nodes: int) -> str:
    graph.open_file(path)
    graph.await_file(nodes)
    assert graph.page.locator(".crumb.file").inner_text() == path.name
    if SCREENSHOTS:
        graph.page.screenshot(path=str(Path(SCREENSHOTS) / f"file-{path.suffix[1:]}.png"))
    return str(graph.page.locator("#nodes").text_content())


def test_a_state_dict(graph: GraphPage, tmp_path: Path) -> None:
    torch.save(Net().state_dict(), tmp_path / "net.pt")
    text = text_of(graph, tmp_path / "net.pt", nodes=3)
    assert "conv" in text
    assert "running_mean" in text
    graph.node("conv").click()
    assert "float32[8,3,3,3]" in graph.page.locator(".card").inner_text()


def test_an_exported_program(graph: GraphPage, tmp_path: Path) -> None:
    program = torch.export.export(Net().eval(), (torch.randn(2, 3, 8, 8),))
    torch.export.save(program, tmp_path / "net.pt2")
    text = text_of(graph, tmp_path / "net.pt2", nodes=5)
    assert "conv2d" in text
    assert "mean" in text


def test_a_scripted_module(graph: GraphPage, tmp_path: Path) -> None:
    save_scripted(Net(), tmp_path / "net.torchscript")
    assert "conv2d" in text_of(graph, tmp_path / "net.torchscript", nodes=10)


def test_tflite_and_keras(graph: GraphPage, tmp_path: Path) -> None:
    write_tflite(tmp_path / "net.tflite")
    assert "Relu" in text_of(graph, tmp_path / "net.tflite", nodes=1)
    write_keras(tmp_path / "net.h5")
    assert "Dense" in text_of(graph, tmp_path / "net.h5", nodes=2)


def shapes() -> dict[str, tuple[int, ...]]:
    named = {
        f"blk.{layer}.{name}.weight": shape
        for layer in range(LAYERS)
        for name, shape in {"attn_norm": (WIDTH,), "ffn_norm": (WIDTH,)}.items()
    }
    return {"token_embd.weight": (WIDTH, 64_000), **named, "output.weight": (WIDTH, 64_000)}


def assert_little_was_read(graph: GraphPage, path: Path, at_most: int) -> None:
    read = sum(length for _, length in graph.ranges)
    assert path.stat().st_size > 1_000_000_000
    assert read < at_most


def test_of_a_large_safetensors_file_the_header_is_read(graph: GraphPage, tmp_path: Path) -> None:
    path = tmp_path / "large.safetensors"
    write_safetensors(path, shapes())
    text_of(graph, path, nodes=2 + 2 * LAYERS)
    assert_little_was_read(graph, path, at_most=1_000_000)


def test_of_a_large_gguf_file_the_vocabulary_is_read_but_no_weight(graph: GraphPage, tmp_path: Path) -> None:
    path = tmp_path / "large.gguf"
    write_gguf(path, "llama", 64_000, shapes())
    assert "attn_norm" in text_of(graph, path, nodes=4 + 2 * LAYERS)
    assert_little_was_read(graph, path, at_most=8_000_000)


def test_of_a_large_checkpoint_the_entries_are_looked_at_but_no_weight(graph: GraphPage, tmp_path: Path) -> None:
    path = tmp_path / "large.pt"
    write_checkpoint(path, {f"layers.{layer}.weight": (4096, 4096) for layer in range(LAYERS)})
    text_of(graph, path, nodes=LAYERS)
    assert_little_was_read(graph, path, at_most=3_000_000)


class Payload:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch /tmp/never",)


def broken_files(folder: Path) -> list[Path]:
    torch.save(Net().state_dict(), folder / "whole.pt")
    whole = (folder / "whole.pt").read_bytes()
    contents = {
        "empty.pt": b"",
        "zeros.safetensors": bytes(5000),
        "cut-off.pt": whole[: len(whole) // 2],
        "header.safetensors": (2**40).to_bytes(8, "little") + b"{}",
        "lies.safetensors": (50).to_bytes(8, "little") + b'{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,1e15]}}',
        "lies.gguf": b"GGUF" + (3).to_bytes(4, "little") + b"\xff" * 64,
        "noise.h5": b"\x89HDF\r\n\x1a\n" + bytes(range(256)) * 8,
        "noise.tflite": b"\x1c\0\0\0TFL3" + bytes(range(255, -1, -1)) * 8,
        "noise.pt2": b"PK\x03\x04" + bytes(range(256)) * 300,
        "payload.pt": pickle.dumps(Payload()),
        "text.pth": b"<img src=x onerror=window.hacked=1>\n" * 20,
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in contents]


def test_a_broken_or_hostile_file_ends_in_one_sentence(graph: GraphPage, tmp_path: Path) -> None:
    for path in broken_files(tmp_path):
        graph.page.evaluate("() => { window.posted.splice(0); }")
        graph.open_file(path)
        graph.page.wait_for_function("() => window.posted.some(m => m.type === 'failed')")
        assert len(graph.posted("failed")) == 1, path.name
        sentence = graph.page.locator(".placeholder").inner_text()
        assert "could not be drawn" in sentence, path.name
        assert len(sentence) < 300, sentence
    assert graph.page.evaluate("window.hacked === undefined")


@pytest.mark.parametrize("name", ["<img src=x onerror=window.hacked=1>.safetensors", "\u202egnp.\u2028.safetensors"])
def test_a_hostile_name_is_only_a_name(graph: GraphPage, tmp_path: Path, name: str) -> None:
    layer = f"{name}.{name}"
    write_safetensors(tmp_path / name, {f"{layer}.weight": (2, 3), "x" * 1_000_000 + ".weight": (1,)})
    graph.open_file(tmp_path / name)
    graph.await_file(2)
    assert graph.page.locator(".crumb.file").text_content() == name
    graph.page.locator("#nodes > g.graph-node").first.click()
    graph.page.locator(".card").wait_for()
    assert graph.page.locator("img").count() == 0
    assert graph.page.evaluate("window.hacked === undefined")
