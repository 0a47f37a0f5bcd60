"""What fixes are made from: a trace, what failed in it, where its layers were made, and the texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..check.flow import Flow
from ..discover.document import Document
from ..schema import Diagnostic, Location, Operation
from ..trace.assemble import Failure
from .source import Source


@dataclass(frozen=True)
class Evidence:
    """`failures` holds the failure that a diagnostic explains; `built_at` is where each submodule was made."""

    flow: Flow
    failures: Mapping[Diagnostic, Failure]
    built_at: Mapping[str, Location]
    read: Callable[[str], Document | None]

    def source(self, path: str) -> Source | None:
        document = self.read(path)
        return Source(document) if document is not None else None

    def failed_operation(self, found: Diagnostic, failure: Failure) -> Operation | None:
        """The operation that a failure was."""
        for operation in self.flow.operations:
            here = (operation.path, operation.start, operation.end) == (found.path, found.start, found.end)
            if here and operation.error is not None and operation.name == failure.function:
                return operation
        return None

    def module_of(self, operation: Operation) -> str | None:
        """The path of the submodule whose own work an operation is."""
        path = operation.parent.partition("@")[0]
        return path if path in self.built_at else None
