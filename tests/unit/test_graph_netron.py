"""The contract with Netron: what the adapter relies on is still there. An upgrade that breaks it fails here first.

What needs a browser (ten nodes drawn, no cluster within another) is in tests/e2e/test_graph_page.py.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GRAPH = ROOT / "extension" / "webview" / "graph"
PINNED = json.loads((GRAPH / "netron" / "files.json").read_text(encoding="utf-8"))
NETRON = Path(str(importlib.metadata.distribution("netron").locate_file("netron")))

VIEW_METHODS = ("render", "refresh", "show", "error", "dispose", "_updateTarget", "pushTarget", "popTarget")
GRAPH_METHODS = ("select", "activate", "find", "scrollTo", "restore", "measure", "get zoom", "set zoom")


@pytest.fixture(scope="module")
def view_script() -> str:
    return (NETRON / "view.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PINNED["sha256"])
def test_the_files_are_the_pinned_ones(name: str) -> None:
    assert importlib.metadata.version("netron") == PINNED["version"]
    assert hashlib.sha256((NETRON / name).read_bytes()).hexdigest() == PINNED["sha256"][name]


def test_the_project_pins_the_same_version() -> None:
    assert f'"netron=={PINNED["version"]}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def class_body(script: str, name: str) -> str:
    return script[script.index(f"{name} = class") :].split("\n};\n", 1)[0]


@pytest.mark.parametrize("method", VIEW_METHODS)
def test_the_view_has_its_methods(view_script: str, method: str) -> None:
    assert re.search(rf"^    (async )?{re.escape(method)}\(", class_body(view_script, "view.View"), re.MULTILINE)


@pytest.mark.parametrize("method", GRAPH_METHODS)
def test_the_drawn_graph_has_its_methods(view_script: str, method: str) -> None:
    assert re.search(rf"^    (async )?{re.escape(method)}\(", class_body(view_script, "view.Graph"), re.MULTILINE)


def test_the_scripts_export_what_is_imported() -> None:
    assert "export const View = view.View;" in (NETRON / "view.js").read_text(encoding="utf-8")
    assert "export const { Graph, Node, Edge, Argument } = grapher;" in (NETRON / "grapher.js").read_text(
        encoding="utf-8"
    )
    assert "export const { layout, Graph } = dagre;" in (NETRON / "dagre.js").read_text(encoding="utf-8")
    for reader in ("onnx", "pytorch", "executorch", "safetensors", "gguf", "tflite", "keras"):
        assert f"export const ModelFactory = {reader}.ModelFactory;" in (NETRON / f"{reader}.js").read_text("utf-8")


def test_only_the_adapter_imports_netron() -> None:
    importers = {
        path.name
        for path in (ROOT / "extension").rglob("*.ts")
        if re.search(r'from "\./netron/', path.read_text(encoding="utf-8"))
    }
    assert importers == {"adapter.ts"}


@pytest.mark.skipif(shutil.which("node") is None, reason="Node runs the build step")
def test_vendored_scripts_are_unchanged_and_the_derived_files_fit(tmp_path: Path) -> None:
    step, folder = json.dumps((GRAPH / "vendor.mjs").as_uri()), json.dumps(str(tmp_path))
    script = f"import {{ vendor }} from {step}; await vendor({folder});"
    subprocess.run(["node", "--input-type=module", "--eval", script], check=True, timeout=60)
    assert {path.name for path in tmp_path.iterdir()} == set(PINNED["sha256"])
    derived = {"view.js", "flatbuffers.js", "hdf5.js", "python.js", "pytorch.js"}
    for path in [path for path in tmp_path.glob("*.js") if path.name not in derived]:
        assert hashlib.sha256(path.read_bytes()).hexdigest() == PINNED["sha256"][path.name]
    view = (tmp_path / "view.js").read_text(encoding="utf-8")
    original = view.replace("\\u2039", "\\u3008").replace("\\u203a", "\\u3009")
    assert view != original
    assert hashlib.sha256(original.encode()).hexdigest() == PINNED["sha256"]["view.js"]
    styles = (tmp_path / "grapher.css").read_text(encoding="utf-8")
    assert "prefers-color-scheme" not in styles
    assert 'body:is([data-vscode-theme-kind$="dark"]' in styles
    operators = json.loads((tmp_path / "onnx-metadata.json").read_text(encoding="utf-8"))
    assert any(each["name"] == "Conv" and each["category"] == "Layer" for each in operators if "category" in each)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 4_500_000
