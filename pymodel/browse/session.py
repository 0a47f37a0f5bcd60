"""What the extension is to the graph page, for one trace: messages of the page in, messages to it out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..graph.level import UnknownLevel, breadcrumbs, build_level, locate
from ..graph.mermaid import to_mermaid
from ..graph.overlays import OVERLAYS, read_overlay
from ..graph.search import find_hits
from ..graph.whole import build_levels
from ..schema import Level, Trace, dumps, to_json
from ..schema.protocol import Crumb

Message = dict[str, Any]


class GraphSession:
    """One page's view of a trace: the level it shows, what is opened in it, what it is coloured by."""

    def __init__(self, trace: Trace, words: dict[str, Any]) -> None:
        self._trace = trace
        self._words = words
        self._path = ""
        self._inner: dict[str, None] = {}
        self._overlay: str | None = None
        self._answers: dict[str, Callable[[Message], list[Message]]] = {
            "ready": self._begin,
            "open": self._open,
            "expand": self._expand,
            "find": self._find,
            "goTo": self._go_to,
            "overlay": self._colour,
            "save": self._save,
        }

    def answer(self, message: Message) -> list[Message]:
        """Messages of other types are of an editor's concern, and have no answer here.

        Raises:
            KeyError: the message lacks what one of its type has.
        """
        answer = self._answers.get(message["type"])
        return answer(message) if answer else []

    def _begin(self, message: Message) -> list[Message]:
        return [{"type": "strings", "strings": self._words}, *self._show()]

    def _open(self, message: Message) -> list[Message]:
        return self._show(str(message["path"]))

    def _expand(self, message: Message) -> list[Message]:
        self._inner.pop(message["path"], None)
        if message["open"]:
            self._inner[str(message["path"])] = None
        return self._show()

    def _find(self, message: Message) -> list[Message]:
        query = str(message["query"])
        return [{"type": "found", "query": query, "hits": to_json(find_hits(self._trace, query))}]

    def _go_to(self, message: Message) -> list[Message]:
        place = locate(self._trace, str(message["id"]))
        return self._show(place.path, place.id)

    def _colour(self, message: Message) -> list[Message]:
        self._overlay = message["name"] if message["name"] in OVERLAYS else None
        return self._show()

    def _save(self, message: Message) -> list[Message]:
        """What the page has not drawn itself is made here; the browser keeps it."""
        name = self._trace.target.rpartition("::")[2]
        if message["format"] == "mermaid":
            level = build_level(self._trace, self._path)
            return [{"type": "download", "name": f"{name}.mmd", "text": to_mermaid(level)}]
        if message["format"] == "json":
            document = {"target": self._trace.target, "levels": build_levels(self._trace)}
            return [{"type": "download", "name": f"{name}.json", "text": dumps(document)}]
        return []

    def _show(self, path: str | None = None, selected: str | None = None) -> list[Message]:
        trace = self._trace
        if not trace.operations:
            reason = next((found.message for found in trace.diagnostics), "nothing of it could be traced.")
            return [{"type": "placeholder", "placeholder": {"text": f"No graph: {reason}", "busy": False}}]
        level = build_level(trace, self._path if path is None else path)
        self._path = level.path
        inner = self._inner_levels()
        nodes = [node for each in (level, *inner) for node in each.nodes]
        shown = {
            "uri": trace.target.rpartition("::")[0],
            "target": trace.target,
            "title": trace.target.rpartition("::")[2],
            "stale": False,
            "breadcrumbs": [Crumb(path, name) for path, name in breadcrumbs(trace, level.path)],
            "level": level,
            "inner": inner,
            "selected": selected,
            "overlay": read_overlay(self._overlay, trace, nodes) if self._overlay else None,
            "base": None,
            "inspected": None,
        }
        return [{"type": "level", "shown": to_json(shown)}]

    def _inner_levels(self) -> list[Level]:
        levels = []
        for path in list(self._inner):
            try:
                levels.append(build_level(self._trace, path))
            except UnknownLevel:
                del self._inner[path]
        return levels
