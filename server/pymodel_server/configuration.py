"""Settings: what the editor sent, read into a dataclass. A bad value is logged and its default taken."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any, Literal

log = logging.getLogger(__name__)

InlayHints = Literal["off", "assigned", "all"]


@dataclass(frozen=True)
class Configuration:
    client: str | None = None
    trusted: bool = True
    interpreter: str | None = None
    worker_mode: Literal["fork", "persistent"] | None = None
    file_events: Literal["server", "client"] = "server"
    """Who watches source files: this server, or the client, which then sends `workspace/didChangeWatchedFiles`."""
    inlay_hints: InlayHints = "assigned"
    pins: dict[str, str] = field(default_factory=dict)


def read_configuration(options: dict[str, Any]) -> Configuration:
    """From `initializationOptions`. Without `trusted` a workspace is trusted."""
    settings = options.get("settings") or {}
    hints = settings.get("inlayHints", "assigned")
    if hints not in ("off", "assigned", "all"):
        log.warning("setting inlayHints: %r is none of off, assigned, all", hints)
        hints = "assigned"
    mode = options.get("workerMode")
    pins = settings.get("pins") or {}
    return Configuration(
        client=options.get("client"),
        trusted=options.get("trusted") is not False,
        interpreter=options.get("interpreter") or None,
        worker_mode=mode if mode in ("fork", "persistent") else None,
        file_events="client" if options.get("fileEvents") == "client" else "server",
        inlay_hints=hints,
        pins={str(key): str(value) for key, value in pins.items()} if isinstance(pins, dict) else {},
    )
