"""Tables: CSV, TSV and JSONL by the standard library, Parquet by pyarrow. What is no number is told with its row."""

from __future__ import annotations

import csv
import importlib
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from .loaders import DataNotUsable

Column = Sequence[Any]


class Table(TensorDataset):
    """Rows of (columns,) and their targets, with the columns' names, and those of classes that are texts."""

    def __init__(self, features: Tensor, targets: Tensor, columns: tuple[str, ...], classes: list[str]) -> None:
        super().__init__(features, targets)
        self.columns = columns
        self.classes = classes


def read_table(path: Path, inputs: tuple[str, ...], target: str | None) -> Table:
    """A data set of (features, target): all input columns as one float tensor (N, columns), scaled to mean 0 and
    deviation 1; of texts as a target, their number in alphabetical order.

    Raises:
        DataNotUsable: a column is missing, or a value is no number; with file, row and column.
    """
    columns = _read(path)
    if not columns or not len(next(iter(columns.values()))):
        raise DataNotUsable("The table has no rows.", path=str(path), advice="Its first line names the columns.")
    target = target if target is not None else list(columns)[-1]
    chosen = inputs or tuple(name for name in columns if name != target)
    for name in (*chosen, target):
        if name not in columns:
            words = f"The table has no column `{name}`: it has {', '.join(list(columns)[:12])}."
            raise DataNotUsable(words, path=str(path), line=1, advice="Look at `inputs` and `target`.")
    features = torch.stack([_numbers(path, name, columns[name]) for name in chosen], dim=1)
    deviation, mean = torch.std_mean(features, dim=0)
    scaled = (features - mean) / deviation.clamp_min(1e-8)
    targets, classes = _targets(path, target, columns[target])
    return Table(scaled, targets, tuple(chosen), classes)


def _read(path: Path) -> dict[str, Column]:
    if path.suffix == ".parquet":
        try:
            return dict(importlib.import_module("pyarrow.parquet").read_table(path).to_pydict())
        except ImportError as error:
            words = "Parquet needs pyarrow, which is not installed."
            raise DataNotUsable(words, path=str(path), advice=f"`{sys.executable} -m pip install pyarrow`") from error
        except Exception as error:
            raise DataNotUsable(f"The file cannot be read: {error}.", path=str(path)) from error
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        advice = "Save the file as UTF-8."
        raise DataNotUsable("The file is not written in UTF-8.", path=str(path), line=line, advice=advice) from error
    return _read_jsonl(path, text) if path.suffix == ".jsonl" else _read_csv(path, text)


def _read_csv(path: Path, text: str) -> dict[str, Column]:
    reader = csv.reader(text.splitlines(), delimiter="\t" if path.suffix == ".tsv" else ",")
    names = [name.strip() for name in next(reader, [])]
    rows = []
    for row in reader:
        if not row:
            continue
        if len(row) != len(names):
            words = f"This row has {len(row)} values, and there are {len(names)} columns."
            raise DataNotUsable(
                words, path=str(path), line=reader.line_num, advice="Look for a comma inside of a value."
            )
        rows.append(row)
    return {name: [row[index] for row in rows] for index, name in enumerate(names)}


def _read_jsonl(path: Path, text: str) -> dict[str, Column]:
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise DataNotUsable(f"This line is no JSON: {error}.", path=str(path), line=number) from error
        if not isinstance(row, dict) or (rows and row.keys() != rows[0].keys()):
            advice = "Each line is one object, with the same keys as the first."
            raise DataNotUsable("This line has other keys than the first.", path=str(path), line=number, advice=advice)
        rows.append(row)
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}


def _numbers(path: Path, name: str, column: Column) -> Tensor:
    return torch.tensor([_number(path, name, row, value) for row, value in enumerate(column)], dtype=torch.float32)


def _number(path: Path, name: str, row: int, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        shown = "nothing" if value in ("", None) else repr(value)
        words = f"Row {row + 1}, column `{name}`: {shown} is no number."
        line = row + 2 if path.suffix in (".csv", ".tsv") else row + 1
        advice = "Mend the value, or leave the column out of `inputs`."
        raise DataNotUsable(words, path=str(path), line=line, advice=advice) from None
    if not math.isfinite(number):
        words = f"Row {row + 1}, column `{name}`: {value} cannot be learned from."
        raise DataNotUsable(words, path=str(path), line=row + 2, advice="Mend the value, or leave out the column.")
    return number


def _targets(path: Path, name: str, column: Column) -> tuple[Tensor, list[str]]:
    """Whole numbers and texts are classes, other numbers are learned as they are, with a last dimension of 1. And the
    classes' names, where they are texts."""
    try:
        numbers = [float(value) for value in column]
    except (TypeError, ValueError):
        classes = sorted({str(value) for value in column})
        places = {text: index for index, text in enumerate(classes)}
        return torch.tensor([places[str(value)] for value in column]), classes
    if all(number.is_integer() and number >= 0 for number in numbers) and not any(
        "." in str(value) for value in column
    ):
        return torch.tensor([int(number) for number in numbers]), []
    return _numbers(path, name, column).unsqueeze(1), []
