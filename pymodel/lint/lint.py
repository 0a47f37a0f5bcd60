"""All that the text alone shows to be wrong."""

from __future__ import annotations

from functools import lru_cache

from ..discover.document import Document
from ..schema import Diagnostic
from .evaluation import find_evaluation_faults
from .kept_graph import find_kept_graphs
from .missing_zero_grad import find_missing_zero_grad


@lru_cache(maxsize=64)
def lint(document: Document) -> tuple[Diagnostic, ...]:
    """The findings of a text, in the order of the text. A text that mentions no torch has none."""
    if "torch" not in document.text:
        return ()
    found = find_missing_zero_grad(document) + find_kept_graphs(document) + find_evaluation_faults(document)
    return tuple(sorted(found, key=lambda each: each.start))
