from __future__ import annotations

import ast
from pathlib import Path

import pytest

from pymodel.recipe import load_recipe
from pymodel.samples import FIRST_FILE, PROJECT, SampleExists, create_sample_project


def test_the_sample_project_is_created_whole_and_twice_is_once(tmp_path: Path) -> None:
    files = create_sample_project(tmp_path / "new")
    assert create_sample_project(tmp_path / "new") == files
    assert files[0] == tmp_path / "new" / FIRST_FILE
    assert {path.name for path in files} >= {"DATA.md", "digits.bin.gz", "train.py", "finetune.py"}
    assert all(path.is_file() for path in files)


def test_a_file_of_the_users_is_never_replaced(tmp_path: Path) -> None:
    mine = tmp_path / "image_classifier/train.py"
    mine.parent.mkdir()
    mine.write_text("mine")
    with pytest.raises(SampleExists) as raised:
        create_sample_project(tmp_path)
    assert raised.value.path == str(mine)
    assert raised.value.advice
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [mine]


@pytest.mark.parametrize("path", sorted(PROJECT.rglob("*.py")), ids=lambda path: path.name)
def test_the_sample_needs_torch_alone(path: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])
    own = {"data", "model", "pretrain"}
    standard = {"argparse", "collections", "functools", "gzip", "pathlib", "re", "sysconfig"}
    assert imported <= {"torch"} | own | standard


@pytest.mark.parametrize("path", sorted(PROJECT.rglob("*.toml")), ids=lambda path: path.name)
def test_the_samples_recipes_have_no_fault(path: Path) -> None:
    reading = load_recipe(path)
    assert reading.recipe is not None
    assert reading.diagnostics == ()
