"""External data of ONNX: where it lies is checked before onnx or onnxruntime opens it.

The file says itself which other file holds its weights. One that names `/etc/passwd`, `../secret` or a link would have
that read; onnxruntime follows hard links even where onnx does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..schema import PyModelError


class UnsafeData(PyModelError):
    """A file's external data lie outside of its folder, or could."""


def check_external_data(path: Path) -> None:
    """Refuse an ONNX file whose external data are not plain files beside it.

    Raises:
        UnsafeData: a location is absolute, leads upwards, is a link, or is longer than its file.
        PyModelError: the file is no ONNX.
    """
    import onnx

    try:
        if not path.is_file():
            raise PyModelError("There is no such file.", path=str(path), advice="Check the path.")
        model = onnx.load(str(path), load_external_data=False)
    except PyModelError:
        raise
    except Exception as error:  # protobuf's decoder has errors of its own
        advice = "It is cut off, damaged or something else: export it again."
        raise PyModelError("This is no ONNX file.", path=str(path), advice=advice) from error
    folder = path.resolve().parent
    for tensor in _tensors(model):
        entries = {each.key: each.value for each in tensor.external_data}
        if entries:
            _check(path, folder, tensor.name, entries)


def _check(path: Path, folder: Path, name: str, entries: dict[str, str]) -> None:
    location = entries.get("location", "")
    parts = location.replace("\\", "/").split("/")
    if not location or location[0] in "/\\~" or ":" in location or ".." in parts or "\0" in location:
        raise _refusal(path, name, location, "which is not in its folder")
    place = folder
    for part in parts:
        place = place / part
        if place.is_symlink():
            raise _refusal(path, name, location, "which is a link")
    if not place.is_file():
        raise _refusal(path, name, location, "which is not there, or is no file")
    found = place.stat()
    if found.st_nlink != 1:
        raise _refusal(path, name, location, "which is a hard link to a file elsewhere")
    try:
        offset, length = int(entries.get("offset") or 0), int(entries.get("length") or 0)
    except ValueError:
        raise _refusal(path, name, location, "at a place that is no number") from None
    if offset < 0 or length < 0 or offset + length > found.st_size:
        raise _refusal(path, name, location, f"which has {found.st_size} bytes, fewer than it says")


def _refusal(path: Path, name: str, location: str, words: str) -> UnsafeData:
    message = f"The weights of `{name[:80]}` would be read from `{location[:200]}`, {words}."
    advice = "Nothing was read. Do not use this file, or put the data beside it and export it again."
    return UnsafeData(message, path=str(path), advice=advice)


def _tensors(model: Any) -> Iterator[Any]:
    """Every tensor of a model: of its graphs, and of the attributes of all nodes, at any depth."""
    yield from _of_graph(model.graph)
    for function in model.functions:
        yield from _of_nodes(function.node)
    for training in model.training_info:
        yield from _of_graph(training.initialization)
        yield from _of_graph(training.algorithm)


def _of_graph(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    yield from _of_nodes(graph.node)


def _of_nodes(nodes: Any) -> Iterator[Any]:
    for node in nodes:
        for attribute in node.attribute:
            yield attribute.t
            yield from attribute.tensors
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)
            for graph in (attribute.g, *attribute.graphs):
                yield from _of_graph(graph)
