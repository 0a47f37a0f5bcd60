"""Who may import whom (docs/architecture.md), and that the check can fail."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = ("discover", "graph", "lint", "recipe", "rewrite", "runs", "schema")
TORCH = ("resolve", "trace", "check", "fix", "cost", "train", "monitor", "export", "weights", "explain", "worker")


def imported_names(source: str, package: str) -> set[str]:
    """Absolute names of all that a module's source imports, inside of functions too."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            names.add(".".join([*base, *([node.module] if node.module else [])]))
    return names


def faults_of_text_package(names: set[str]) -> set[str]:
    """What a text package must not import: anything but the stdlib and the other text packages."""
    allowed = {f"pymodel.{name}" for name in TEXT} | {"pymodel"}
    faults = set()
    for name in names:
        top = name.partition(".")[0]
        if top == "pymodel":
            if ".".join(name.split(".")[:2]) not in allowed:
                faults.add(name)
        elif top not in sys.stdlib_module_names:
            faults.add(name)
    return faults


def modules_of(package: str) -> list[Path]:
    return sorted((ROOT / "pymodel" / package).rglob("*.py"))


@pytest.mark.parametrize("package", TEXT)
def test_text_packages_import_the_stdlib_and_text_only(package: str) -> None:
    for path in modules_of(package):
        within = ".".join(path.parent.relative_to(ROOT).parts)
        assert not faults_of_text_package(imported_names(path.read_text(), within)), path


def test_the_check_of_text_packages_can_fail() -> None:
    assert faults_of_text_package(imported_names("def f():\n    import torch", "pymodel.graph")) == {"torch"}
    assert faults_of_text_package(imported_names("from ..trace import run", "pymodel.graph")) == {"pymodel.trace"}


@pytest.mark.parametrize("package", [*TEXT, *TORCH, "cli"])
def test_the_engine_knows_nothing_of_lsp(package: str) -> None:
    for path in modules_of(package):
        names = {name.partition(".")[0] for name in imported_names(path.read_text(), f"pymodel.{package}")}
        assert not names & {"pygls", "lsprotocol"}, path


def test_the_server_imports_only_text_packages() -> None:
    allowed = {f"pymodel.{name}" for name in TEXT} | {"pymodel", "pymodel.samples"}
    for path in sorted((ROOT / "server" / "pymodel_server").rglob("*.py")):
        names = imported_names(path.read_text(), "pymodel_server")
        ours = {".".join(name.split(".")[:2]) for name in names if name.partition(".")[0] == "pymodel"}
        assert ours <= allowed, path
        assert not {name.partition(".")[0] for name in names} & {"torch", "numpy"}, path


def loaded_by(statement: str) -> set[str]:
    """Top-level packages that a fresh interpreter has loaded after a statement."""
    program = f"{statement}\nimport sys\nprint(' '.join({{name.partition('.')[0] for name in sys.modules}}))"
    output = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)
    return set(output.stdout.split())


def test_importing_the_server_loads_neither_torch_nor_numpy() -> None:
    assert not loaded_by("import pymodel_server.serving, pymodel_server.session") & {"torch", "numpy"}


def test_the_check_of_loaded_modules_can_fail() -> None:
    assert "numpy" in loaded_by("import numpy")
