"""Where the imports of a file start from."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any


def find_import_roots(path: str, folders: tuple[str, ...], extra: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Folders to import from, most local first: the root of the file's package, its folder, then those of the
    workspace (itself, `src`, pytest's `pythonpath`), then `extra`."""
    folder = Path(path).parent
    candidates = [package_root(folder), folder]
    for workspace in map(Path, folders):
        candidates += [workspace, workspace / "src", *_pytest_paths(workspace)]
    candidates += [Path(each) for each in extra]
    return tuple(dict.fromkeys(str(each) for each in candidates if each.is_dir()))


def package_root(folder: Path) -> Path:
    """The folder that a folder's outermost package lies in; itself if it is no package. A package may lie in a plain
    folder of another one."""
    while (folder / "__init__.py").exists() and folder.parent != folder:
        folder = folder.parent
        if not (folder / "__init__.py").exists() and (folder.parent / "__init__.py").exists():
            folder = folder.parent
    return folder


def read_pyproject(folder: Path) -> dict[str, Any]:
    """The `[tool]` table of a folder's pyproject.toml; empty where there is none that can be read."""
    try:
        tool = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8")).get("tool", {})
    except (OSError, ValueError):
        return {}
    return tool if isinstance(tool, dict) else {}


def _pytest_paths(folder: Path) -> list[Path]:
    pytest = read_pyproject(folder).get("pytest", {})
    options = pytest.get("ini_options", {}) if isinstance(pytest, dict) else {}
    paths = options.get("pythonpath", []) if isinstance(options, dict) else []
    paths = paths.split() if isinstance(paths, str) else paths
    return [folder / each for each in paths if isinstance(each, str)] if isinstance(paths, list) else []
