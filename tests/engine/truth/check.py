"""The whole way for one file: claim, real runs, comparison."""

from __future__ import annotations

from pathlib import Path

from pymodel.worker.client import Worker

from .bindings import two_bindings
from .claim import Document, claims_of
from .compare import Report, compare, compare_expressions
from .real import run_for_expressions, run_for_real


def check_file(worker: Worker, path: Path, name: str | None = None) -> list[Report]:
    """A report of each model of a file, or of the one named."""
    try:
        documents = claims_of(worker, path, name)
    except RuntimeError as died:
        return [Report(f"{path}::{name or ''}", [str(died)])]
    return [check_document(document) for document in documents]


def check_document(document: Document) -> Report:
    if document["construction"] is None:
        return compare(document, [])
    bindings = two_bindings(document["symbols"])
    report = compare(document, [run_for_real(document, binding) for binding in bindings])
    if not report.disagreements:
        compare_expressions(document, run_for_expressions(document, bindings[0]), report)
    return report
