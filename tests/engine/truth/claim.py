"""The claims: the document that `pymodel shapes TARGET --json` prints, of one target or of a whole file's models."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from pymodel.cli.analyses import analyse_file
from pymodel.cli.output import shapes_document
from pymodel.schema import to_json
from pymodel.worker.client import Worker

Document = dict[str, Any]


def claims_of(worker: Worker, path: Path, name: str | None = None) -> list[Document]:
    """The documents of a file's models, or of the one named, from one process that serves many files.

    Raises:
        RuntimeError: the analysis died.
    """
    targets = (f"{path.resolve()}::{name}",) if name else ()
    analysed = analyse_file(worker, str(path), targets)
    if analysed.failures:
        raise RuntimeError(f"{path}: {analysed.failures[0].reason}")
    if not analysed.traces:
        raise RuntimeError(f"{path}: {'; '.join(each.message for each in analysed.diagnostics) or 'no model'}")
    documents = [shapes_document(trace, trace.target) for trace in analysed.traces]
    return [json.loads(json.dumps(to_json(document))) for document in documents]


def claim_of_command(target: str) -> Document:
    """The document that the command itself prints."""
    main = Path(__file__).resolve().parents[3] / "pymodel/__main__.py"
    done = subprocess.run(
        [sys.executable, "-P", str(main), "shapes", target, "--json"],
        capture_output=True,
        encoding="utf-8",
        env=dict(os.environ),
        timeout=120,
    )
    document: Document = json.loads(done.stdout)
    return document
