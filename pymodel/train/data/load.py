"""A recipe's `[data]` → loaders: a factory in the user's code, or files that are read here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from ...schema import DataSettings, TrainRequest
from ..user_code import find, load, split_reference
from .loaders import Data, DataNotUsable, Sharing, make_data

ENDINGS = {
    "images": (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"),
    "audio": (".wav", ".flac", ".ogg", ".mp3"),
    "table": (".csv", ".tsv", ".parquet", ".jsonl"),
    "arrays": (".npz", ".npy", ".safetensors", ".pt", ".pth"),
    "text": (".txt", ".md", ".text"),
}


def load_data(request: TrainRequest, model: nn.Module, sharing: Sharing) -> tuple[Data, tuple[str, ...]]:
    """The data of a recipe, and the workspace files that it took. The model tells the shapes of `random`.

    Raises:
        DataNotUsable: the source gives neither a Dataset nor a DataLoader, or nothing, or cannot be read.
        Exception: whatever a factory of the user's raises.
    """
    settings, folder, seed = request.recipe.data, Path(request.folder), request.recipe.run.seed
    kind = settings.kind if settings.kind != "auto" else find_kind(settings.source, folder)
    if kind == "factory":
        path, name = split_reference(settings.source, folder)
        module, files = load(path, (name.partition(".")[0],), request.roots)
        factory = find(module, path, name)
        line = getattr(getattr(factory, "__code__", None), "co_firstlineno", None)
        made = factory() if callable(factory) else factory
        return make_data(made, settings, seed, path=path, line=line, sharing=sharing), files
    if kind == "random":
        from .random import make_random

        return make_data(make_random(request.inputs, model, settings.items), settings, seed, sharing=sharing), ()
    path = str(folder / settings.source)
    return make_data(read_files(kind, Path(path), settings), settings, seed, path=path, sharing=sharing), ()


def find_kind(source: str, folder: Path) -> str:
    """How a source is read, by its name and, of a folder, by what is in it.

    Raises:
        DataNotUsable: nothing tells.
    """
    if "::" in source:
        return "factory"
    if source == "random":
        return "random"
    path = folder / source
    if not path.exists():
        raise DataNotUsable(f"There is no `{source}` in {folder}.", advice="Write the path of a file or a folder.")
    endings = {each.suffix.lower() for each in path.rglob("*")} if path.is_dir() else {path.suffix.lower()}
    for kind, known in ENDINGS.items():
        if endings & set(known):
            return "pairs" if kind == "images" and endings & set(ENDINGS["text"]) else kind
    found = ", ".join(sorted(endings - {""})) or "no files"
    advice = "Choose a folder of images, audio or text, or a CSV, Parquet, JSONL, npz, safetensors or pt file."
    raise DataNotUsable(f"What is in `{source}` cannot be told: it has {found}.", path=str(path), advice=advice)


def read_files(kind: str, path: Path, settings: DataSettings) -> Any:
    """A Dataset of files that are no code; each kind is read by a module of its own.

    Raises:
        DataNotUsable: they cannot be read; with file, row and column.
    """
    if not path.exists():
        raise DataNotUsable("There is no such file or folder.", path=str(path), advice="Look at `source`.")
    match kind:
        case "images":
            from .images import read_images

            return read_images(path, settings.image_size)
        case "table":
            from .tables import read_table

            return read_table(path, settings.inputs, settings.target)
        case "arrays":
            from .arrays import read_arrays

            return read_arrays(path, settings.inputs, settings.target)
        case "text":
            from .text import read_text

            return read_text(path, settings.sequence_length)
        case "audio":
            from .audio import read_audio

            return read_audio(path, settings.sample_seconds)
    from .pairs import read_pairs

    return read_pairs(path, settings.image_size, settings.sequence_length)
