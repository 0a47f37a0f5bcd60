"""Other texts of the workspace that name a model: Python, notebooks, and the Python blocks of README files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from .document import Document, parse_document
from .files import find_files
from .notebooks import read_code_blocks, read_code_cells

MAX_FILES = 1000
MAX_NEIGHBOURS = 40
READERS = {".md": read_code_blocks, ".ipynb": read_code_cells}


class Neighbours:
    """The texts around a file, each read once."""

    def __init__(self, path: str, folder: str, documents: Mapping[str, str] | None = None) -> None:
        self.path = path
        self.folder = folder
        self.documents = documents or {}
        self._texts: dict[str, str] | None = None
        self._parsed: dict[str, Document] = {}

    def naming(self, name: str) -> list[Document]:
        """Texts that call something by this name and define no class of it themselves, nearest first."""
        found: list[Document] = []
        is_another = re.compile(rf"^(class|def) {re.escape(name)}\b", re.MULTILINE)
        for path, text in self.texts().items():
            if len(found) >= MAX_NEIGHBOURS:
                break
            if f"{name}(" in text and not is_another.search(text):
                found.append(self.parse(path))
        return found

    def importing(self) -> list[Document]:
        """Python files that import the file, as far as its name tells, nearest first."""
        stem = Path(self.path).stem if Path(self.path).stem != "__init__" else Path(self.path).parent.name
        own = re.escape(stem)
        imports = re.compile(
            rf"^\s*(?:from\s+\S*\b{own}\s+import|from\s+\S+\s+import\s.*\b{own}\b|import\s.*\b{own}\b)", re.MULTILINE
        )
        return [
            self.parse(path) for path, text in self.texts().items() if path.endswith(".py") and imports.search(text)
        ][:MAX_NEIGHBOURS]

    def python(self) -> Iterator[Document]:
        """Every Python file, nearest first."""
        yield from (self.parse(path) for path in self.texts() if path.endswith(".py"))

    def texts(self) -> dict[str, str]:
        """Texts by path, nearest first; Markdown and notebooks as the Python they hold."""
        if self._texts is None:
            self._texts = dict(self._read())
        return self._texts

    def parse(self, path: str) -> Document:
        if path not in self._parsed:
            self._parsed[path] = parse_document(path, self.texts()[path])
        return self._parsed[path]

    def _read(self) -> Iterator[tuple[str, str]]:
        for count, file in enumerate(find_files(self.folder, self.path, (".py", *READERS))):
            if count >= MAX_FILES:
                return
            if file == self.path:
                continue
            try:
                text = self.documents.get(file) or Path(file).read_text(encoding="utf-8", errors="replace")
            except OSError:  # gone since it was listed
                continue
            reader = READERS.get(Path(file).suffix)
            yield file, text if reader is None else reader(text)
