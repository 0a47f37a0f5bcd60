"""The second part: the libraries' own files, as somebody has them open, with nothing given."""

from __future__ import annotations

import importlib.util
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymodel.schema import Trace

from .cases import Tell
from .packages import FOLDER, distribution

SECONDS = 10.0
WORKSPACES = FOLDER / "workspaces"
PACKAGES_OF_CLASSES = {
    "vit_pytorch": "vit-pytorch",
    "x_transformers": "x-transformers",
    "denoising_diffusion_pytorch": "denoising-diffusion-pytorch",
    "segmentation_models_pytorch": "segmentation-models-pytorch",
}
"""Libraries whose files people open and change as their own; by module, their distribution."""


@dataclass(frozen=True)
class ClassFile:
    """A file of a copy of a library, with its README beside it: a workspace."""

    name: str
    path: Path
    root: Path

    def tell_outcomes(self, tell: Tell) -> None:
        """How each model of the file went: solved, solved within a parent, or why not. Each has as long as it has in
        an editor."""
        from pymodel.discover.document import parse_document
        from pymodel.discover.models import find_models
        from pymodel.schema import Analyse, Started, Traced
        from pymodel.worker.analyse import analyse

        text = self.path.read_text(encoding="utf-8")
        waiting = [site.target for site in find_models(parse_document(str(self.path), text))]
        start = time.process_time()

        def poll() -> None:
            if time.process_time() > start + SECONDS:
                raise OutOfTime

        def emit(event: Started | Traced) -> None:
            nonlocal start
            if isinstance(event, Traced):
                waiting.remove(event.trace.target)
                tell(self._outcome(event.trace, time.process_time() - start))
            start = time.process_time()

        while waiting:
            words = "no trace"
            try:
                analyse(Analyse(1, str(self.path), tuple(waiting), roots=(str(self.root),)), emit, poll)
            except OutOfTime:
                words = f"took longer than {SECONDS:.0f} s of processor time"
            if waiting:
                tell({**self._named(waiting.pop(0)), "ok": False, "seconds": SECONDS, "error": words})
            start = time.process_time()

    def _named(self, target: str) -> dict[str, Any]:
        name = target.rpartition("::")[2]
        return {"name": f"{self.name}::{name}", "class": name, "stage": "nothing given"}

    def _outcome(self, trace: Trace, seconds: float) -> dict[str, Any]:
        solved = trace.status == "complete" and _moves(trace)
        return {
            **self._named(trace.target),
            "ok": solved,
            "inside": solved and trace.construction is not None and trace.construction.source.kind == "parent",
            "contains": sorted({each.class_ for each in trace.modules}) if solved else [],
            "seconds": round(seconds, 3),
            "error": None if solved else _why(trace),
        }


class OutOfTime(BaseException):
    """A model needs longer than an editor would wait; no error of user code."""


def _moves(trace: Trace) -> bool:
    """Whether the batch was found: a symbol that could be moved, or no tensor to feed at all."""
    return bool(trace.symbols) or not any(each.dims for each in trace.inputs)


def _why(trace: Trace) -> str:
    if trace.status == "complete":
        return "runs, but only at one size"
    words = [each.message for each in trace.diagnostics if each.severity == "error"]
    words += [each.message for each in trace.diagnostics]
    return (words[0] if words else "no trace").splitlines()[0][:300]


def class_files(module: str) -> Iterator[ClassFile]:
    """Every file of a library, in a copy of it; none of one whose files nobody opens."""
    if module not in PACKAGES_OF_CLASSES:
        return
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.submodule_search_locations
    source = Path(spec.submodule_search_locations[0])
    root = WORKSPACES / module
    if not root.exists():
        temporary = root.with_suffix(".part")
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.copytree(source, temporary / module)
        (temporary / "README.md").write_text(distribution(PACKAGES_OF_CLASSES[module]).read_text("METADATA") or "")
        temporary.replace(root)
    for path in sorted((root / module).rglob("*.py")):
        yield ClassFile(str(path.relative_to(root)), path, root)
