"""All that is served, put in the place of what was announced."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import documents, features, notebooks
from .announced import METHODS

if TYPE_CHECKING:
    from .server import PyModelServer


def serve(server: PyModelServer) -> None:
    """Register each feature with the server, and forget what only announced it."""
    manager = server.protocol.fm
    for method in METHODS:
        del manager.features[method]
    manager.commands.clear()
    for each in (documents, notebooks, *features.ALL):
        each.register(server)
    notebooks.serve_cells(server)
