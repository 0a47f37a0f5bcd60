"""Settings: what the editor sent, read into a dataclass. A bad value is logged and its default taken."""

from __future__ import annotations

import dataclasses
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

log = logging.getLogger(__name__)

InlayHints = Literal["off", "assigned", "all"]


@dataclass(frozen=True)
class Configuration:
    client: str | None = None
    trusted: bool = True
    interpreter: str | None = None
    interpreters: dict[str, str] = field(default_factory=dict)
    """By folder, where it has one of its own; the innermost folder around a file counts."""
    worker_mode: Literal["fork", "persistent"] | None = None
    file_events: Literal["server", "client"] = "server"
    """Who watches source files: this server, or the client, which then sends `workspace/didChangeWatchedFiles`."""
    inlay_hints: InlayHints = "assigned"
    pins: dict[str, str] = field(default_factory=dict)

    def chosen_interpreter(self, path: str) -> str | None:
        around = [folder for folder in self.interpreters if Path(path).is_relative_to(folder)]
        return self.interpreters[max(around, key=len)] if around else self.interpreter


def read_configuration(options: dict[str, Any]) -> Configuration:
    """From `initializationOptions`. Without `trusted` a workspace is trusted."""
    mode = options.get("workerMode")
    start = Configuration(
        client=options.get("client"),
        trusted=options.get("trusted") is not False,
        interpreter=options.get("interpreter") or None,
        interpreters=_texts(options.get("interpreters")),
        worker_mode=mode if mode in ("fork", "persistent") else None,
        file_events="client" if options.get("fileEvents") == "client" else "server",
    )
    return change_settings(start, options.get("settings") or {})


def change_settings(configuration: Configuration, settings: dict[str, Any]) -> Configuration:
    """The configuration with other settings; those that are left out stay as they are."""
    changes: dict[str, Any] = {}
    if "inlayHints" in settings:
        hints = settings["inlayHints"]
        if hints not in ("off", "assigned", "all"):
            log.warning("setting inlayHints: %r is none of off, assigned, all", hints)
            hints = "assigned"
        changes["inlay_hints"] = hints
    if "pins" in settings:
        changes["pins"] = _texts(settings["pins"])
    if "interpreter" in settings:
        changes["interpreter"] = settings["interpreter"] or None
    if "interpreters" in settings:
        changes["interpreters"] = _texts(settings["interpreters"])
    return dataclasses.replace(configuration, **changes)


def _texts(given: Any) -> dict[str, str]:
    return {str(key): str(value) for key, value in given.items()} if isinstance(given, dict) else {}
