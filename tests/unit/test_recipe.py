from __future__ import annotations

import json
from pathlib import Path

import pytest

from pymodel.recipe import check_recipe, format_recipe, matches, read_recipe, recipe_folder
from pymodel.recipe.describe import recipe_schema, recipe_tables
from pymodel.recipe.settings import recipe_sections
from pymodel.recipe.toml import read_toml
from pymodel.schema import (
    DataSettings,
    FineTuningSettings,
    LossSettings,
    ModelSettings,
    ModuleSummary,
    OptimizerSettings,
    Recipe,
    Trace,
)

DOCS = Path(__file__).parents[2] / "docs"
GOOD = """version = 1
[model]
target = "net.py::Net"
[data]
source = "net.py::examples"
"""

MISTAKES = {
    "no TOML": ("[model\n", "recipe-syntax", "This is no TOML"),
    "a key twice": (f"{GOOD}[run]\nepochs = 1\n«e»pochs = 2\n", "recipe-syntax", "overwrite"),
    "an unknown section": (f"{GOOD}«[optimiser]»\n", "recipe-unknown", "Did you mean `optimizer`?"),
    "an unknown setting": (f"{GOOD}[optimizer]\n«learnig_rate» = 0.1\n", "recipe-unknown", "`learning_rate`"),
    "a setting of another section": (f"{GOOD}[run]\n«momentum» = 0.9\n", "recipe-unknown", "There are epochs"),
    "a text for a number": (f'{GOOD}[run]\nepochs = «"ten"»\n', "recipe-type", "a whole number, not a text"),
    "a fraction for a count": (f"{GOOD}[run]\nepochs = «2.5»\n", "recipe-type", "a whole number, not a number"),
    "a truth for a number": (f"{GOOD}[optimizer]\nlearning_rate = «true»\n", "recipe-type", "not true or false"),
    "a text for a list": (f'{GOOD}[fine_tuning]\nfreeze = «"conv*"»\n', "recipe-type", "a list of texts"),
    "a number in a list": (f'{GOOD}[fine_tuning]\nfreeze = ["a", «3»]\n', "recipe-type", "Each item of `freeze`"),
    "a text in a table": (f'{GOOD}[fine_tuning]\nrates = {{ fc = «"low"» }}\n', "recipe-type", "must be a number"),
    "too small": (f"{GOOD}[run]\nepochs = «0»\n", "recipe-range", "at least 1, and is 0"),
    "too large": (f"{GOOD}[regularisation]\ndropout = «1.5»\n", "recipe-range", "at most 0.99"),
    "the limit itself": (f"{GOOD}[optimizer]\nlearning_rate = «0»\n", "recipe-range", "more than 0"),
    "no such choice": (f'{GOOD}[schedule]\nname = «"cosin"»\n', "recipe-choice", "Did you mean `cosine`?"),
    "no target": ('«[model]»\nconstruction = "Net()"\n[data]\nsource = "random"\n', "recipe-missing", "`target`"),
    "no data": ('«»[model]\ntarget = "net.py::Net"\n', "recipe-missing", "a section [data]"),
    "a section as a value": (f"run = «3»\n{GOOD}", "recipe-type", "`run` is a section"),
    "another version": (GOOD.replace("= 1", "= «7»"), "recipe-version", "not 7"),
    "no such optimizer": (f'{GOOD}[optimizer]\nname = «"Adma"»\n', "recipe-name", "did you mean `Adam`?"),
    "no such loss": (f'{GOOD}[loss]\nname = «"cross_entopy"»\n', "recipe-name", "did you mean `cross_entropy`?"),
    "no such file": (GOOD.replace('"net.py::Net"', '«"nett.py::Net"»'), "recipe-reference", "no file `nett.py`"),
    "no such class": (GOOD.replace('"net.py::Net"', '«"net.py::Nett"»'), "recipe-reference", "did you mean `Net`?"),
    "no object": (GOOD.replace('"net.py::Net"', '«"net.py"»'), "recipe-reference", "names no object"),
    "nothing to train on": (f"{GOOD}validation = 0.5\ntest = «0.5»\n", "recipe-contradiction", "nothing is left"),
    "a smoothed distance": (f'{GOOD}[loss]\nname = "mse"\nlabel_smoothing = «0.1»\n', "recipe-contradiction", "`mse`"),
    "a step without its length": (f'{GOOD}[schedule]\nname = «"step"»\n', "recipe-contradiction", "`step_epochs`"),
    "nothing to unfreeze": (f"{GOOD}[fine_tuning]\nunfreeze_every = «1»\n", "recipe-contradiction", "`freeze`"),
    "no such layer": (
        f'{GOOD}[fine_tuning]\nfreeze = ["first", «"conv_1"»]\n',
        "recipe-layer",
        "did you mean `conv1`?",
    ),
    "a loss for classes": (f'{GOOD}[loss]\nname = «"cross_entropy"»\n', "recipe-loss", "did you mean `bce`?"),
}


@pytest.fixture
def recipe_file(tmp_path: Path) -> Path:
    (tmp_path / "net.py").write_text("class Net: ...\n\ndef examples(): ...\n")
    return tmp_path / "net.recipe.toml"


def trace(*layers: str, output: tuple[object, ...] = ("B", 1)) -> Trace:
    modules = tuple(
        ModuleSummary(path, "Linear", 1, 1, 0, (output,) if not path else ())  # type: ignore[arg-type]
        for path in ("", *layers)
    )
    return Trace("net.py::Net", "eval", "complete", None, (), {}, (), modules, (), None)


@pytest.mark.parametrize("name", MISTAKES)
def test_each_kind_of_mistake_is_told_at_its_place(recipe_file: Path, name: str) -> None:
    marked, code, words = MISTAKES[name]
    text = marked.replace("«", "").replace("»", "")
    reading = check_recipe(read_recipe(text, str(recipe_file)), trace("first", "conv1"))
    assert [found.code for found in reading.diagnostics] == [code], reading.diagnostics
    (found,) = reading.diagnostics
    assert words in found.message
    if "«" in marked:
        start = marked.index("«")
        line, column = marked[:start].count("\n") + 1, start - (marked[:start].rfind("\n") + 1)
        length = marked.index("»") - start - 1
        assert (found.start.line, found.start.column) == (line, column)
        assert (found.end.line, found.end.column) == (line, column + length)
    for fix in found.fixes:
        (edit,) = fix.edits
        lines = text.split("\n")
        row = lines[edit.start.line - 1]
        lines[edit.start.line - 1] = row[: edit.start.column] + edit.text + row[edit.end.column :]
        mended = check_recipe(read_recipe("\n".join(lines), str(recipe_file)))
        assert not mended.diagnostics, (fix.title, mended.diagnostics)


def test_many_mistakes_are_told_together(recipe_file: Path) -> None:
    text = f'{GOOD}[run]\nepochs = 0\nsede = 3\n[optimizer]\nname = "Adma"\n[schedule]\nname = "step"\n'
    found = check_recipe(read_recipe(text, str(recipe_file))).diagnostics
    assert [(each.start.line, each.code) for each in found] == [
        (7, "recipe-range"),
        (8, "recipe-unknown"),
        (10, "recipe-name"),
        (12, "recipe-contradiction"),
    ]


def test_a_recipe_is_read_as_it_was_written(recipe_file: Path) -> None:
    recipe = Recipe(
        ModelSettings("net.py::Net", 'Net("a\\"b")', ("import math", "x = '''y'''")),
        DataSettings("net.py::examples", inputs=("a", "ü"), validation=0.25),
        LossSettings("HuberLoss", arguments={"delta": 0.5}),
        OptimizerSettings("SGD", 0.1, arguments={"momentum": 0.9, "nesterov": True}),
        fine_tuning=FineTuningSettings(freeze=("conv*",), rates={"fc.*": 2.0}),
    )
    text = format_recipe(recipe, {("data", "validation"): "few labels"})
    reading = check_recipe(read_recipe(text, str(recipe_file)))
    assert reading.diagnostics == ()
    assert reading.recipe == recipe
    assert "validation = 0.25  # few labels" in text


def test_places_in_all_that_toml_allows() -> None:
    text = (
        '# first\n"a b".c = 1\n[t.u]  # header\nx = """\nlong # "text\n"""\ny = [ # comment\n 1, [2, 3],\n'
        ' { z = \'q\', "w" = 1e3 } ]\n[[list]]\nk = 1979-05-27\n[[list]]\nk = 0x1F\r\nlast = "é😀" # end'
    )
    document = read_toml(text)
    assert document.data["t"]["u"]["y"][2]["w"] == 1000
    lines = text.replace("\r\n", "\n").split("\n")

    def at(*path: str | int) -> str:
        place = document.places[path].value
        assert place.start.line == place.end.line or path == ("t", "u", "x")
        return lines[place.start.line - 1][place.start.column : place.end.column]

    assert at("a b", "c") == "1"
    assert (at("t", "u", "y", 1, 0), at("t", "u", "y", 2, "z"), at("t", "u", "y", 2, "w")) == ("2", "'q'", "1e3")
    assert (at("list", 0, "k"), at("list", 1, "k"), at("list", 1, "last")) == ("1979-05-27", "0x1F", '"é😀"')
    assert document.places["t", "u", "x"].value.end.line == 6
    assert document.places["t", "u"].key.start.line == 3


def test_paths_of_a_recipe_start_at_its_folder_or_the_one_that_holds_pymodel(tmp_path: Path) -> None:
    assert recipe_folder(tmp_path / "net.toml") == tmp_path
    assert recipe_folder(tmp_path / ".pymodel/runs/a/recipe.toml") == tmp_path


def test_patterns_take_layers_and_all_that_is_in_them() -> None:
    assert matches("encoder.layer.0.weight", ["encoder"])
    assert matches("conv1.weight", ["conv*"])
    assert matches("fc.bias", ["*.bias"])
    assert not matches("fc.bias", ["bias"])


def test_the_schema_and_the_docs_are_made_from_the_dataclasses() -> None:
    """After a change of the recipe: `python -m tests.unit.test_recipe` writes both."""
    assert json.loads((DOCS / "recipe.schema.json").read_text()) == recipe_schema()
    assert recipe_tables() in (DOCS / "recipe.md").read_text()


def test_every_setting_has_words() -> None:
    for section in recipe_sections().values():
        assert section.about
        assert all(setting.about for setting in section.settings.values())


if __name__ == "__main__":
    (DOCS / "recipe.schema.json").write_text(json.dumps(recipe_schema(), indent=1, ensure_ascii=False) + "\n")
    page, mark = (DOCS / "recipe.md").read_text(), "<!-- settings -->\n"
    before, _, rest = page.partition(mark)
    _, _, after = rest.partition(mark)
    (DOCS / "recipe.md").write_text(f"{before}{mark}{recipe_tables()}{mark}{after}")
