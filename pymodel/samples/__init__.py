"""The sample project that `PyModel: Create Sample Project` copies into a folder. Standard library and schema only.

The Python files in `project` are plain PyTorch and know nothing of PyModel; the recipes are its own.
"""

from __future__ import annotations

from pathlib import Path

from ..schema import PyModelError

PROJECT = Path(__file__).parent / "project"
FIRST_FILE = Path("image_classifier", "model.py")
"""The file to open first, in the created project."""


class SampleExists(PyModelError):
    """A file of the user's stands where one of the sample's would go."""


def create_sample_project(folder: Path) -> tuple[Path, ...]:
    """Copy the sample project into `folder`, made if need be. Gives its files, the one to open first in front.

    Raises:
        SampleExists: a different file is in the way, or the folder cannot be written; then nothing of it is replaced.
    """
    sources = [path for path in PROJECT.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    sources.sort(key=lambda path: (path != PROJECT / FIRST_FILE, path))
    copies = {folder / source.relative_to(PROJECT): source.read_bytes() for source in sources}
    for path, content in copies.items():
        if path.exists() and (not path.is_file() or path.read_bytes() != content):
            advice = "Choose an empty folder, or rename that file."
            raise SampleExists("This is not the sample's file, so it is left as it is.", path=str(path), advice=advice)
    for path, content in copies.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                path.write_bytes(content)
        except OSError as error:
            words = f"cannot be written: {error.strerror}."
            raise SampleExists(words, path=str(path), advice="Choose another folder.") from None
    return tuple(copies)
