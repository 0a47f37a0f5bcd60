"""The second part: the libraries' own files, as somebody has them open, with nothing given."""

from __future__ import annotations

import importlib.util
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .packages import FOLDER, distribution

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

    def outcomes(self) -> Iterator[dict[str, Any]]:
        """How each model of the file went: solved, solved within a parent, or why not."""
        from pymodel.discover.document import parse_document
        from pymodel.discover.models import find_models
        from pymodel.schema import Analyse, Traced
        from pymodel.worker.analyse import analyse

        text = self.path.read_text(encoding="utf-8")
        for site in find_models(parse_document(str(self.path), text)):
            start = time.process_time()
            found: list[Traced] = []
            request = Analyse(1, str(self.path), (site.target,), roots=(str(self.root),))
            end = analyse(
                request, lambda event, found=found: found.append(event) if isinstance(event, Traced) else None
            )  # type: ignore[misc]
            trace = found[0].trace if found else None
            solved = trace is not None and trace.status == "complete" and _moves(trace)
            inside = solved and trace.construction is not None and trace.construction.source.kind == "parent"
            words = [each.message for each in (trace.diagnostics if trace else end.diagnostics)]
            yield {
                "name": f"{self.name}::{site.name}",
                "ok": solved,
                "inside": inside,
                "class": site.name,
                "contains": sorted({each.class_ for each in trace.modules}) if trace and solved else [],
                "seconds": round(time.process_time() - start, 3),
                "error": None if solved else _why(trace, words),
                "stage": "nothing given",
            }


def _moves(trace: Any) -> bool:
    """Whether the batch was found: a symbol that could be moved, or no tensor to feed at all."""
    return bool(trace.symbols) or not any(each.dims for each in trace.inputs)


def _why(trace: Any, words: list[str]) -> str:
    if trace is not None and trace.status == "complete":
        return "runs, but only at one size"
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
