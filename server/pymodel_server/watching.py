"""Watches the folders of traced files and of runs on disk. Events are hints: they are gathered, then told once.

inotify serves where it can; where its limits are reached, or there is none, folders are polled and one line says so.
On macOS the client's own file events serve instead.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers.api import BaseObserver

log = logging.getLogger(__name__)

GATHER_SECONDS = 0.3
"""An atomic save arrives as several events; a `git checkout` as thousands."""


class Watcher(FileSystemEventHandler):
    """Tells `on_files` the Python files that changed, from a thread of its own."""

    def __init__(self, on_files: Callable[[set[str]], None]) -> None:
        self._on_files = on_files
        self._folders: set[str] = set()
        self._changed: set[str] = set()
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()
        self._observer: BaseObserver | None = None

    def watch(self, files: set[str]) -> None:
        """Watch the folders of these files as well."""
        if sys.platform == "darwin":
            return
        for folder in {str(Path(file).parent) for file in files} - self._folders:
            self._folders.add(folder)
            self._schedule(folder)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._observer is not None:
            self._observer.stop()

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.is_directory or event.event_type in ("opened", "closed_no_write"):
            return
        paths = {str(path) for path in (event.src_path, event.dest_path) if str(path).endswith(".py")}
        if not paths:
            return
        with self._lock:
            self._changed |= paths
            if self._timer is None:
                self._timer = threading.Timer(GATHER_SECONDS, self._tell)
                self._timer.daemon = True
                self._timer.start()

    def _tell(self) -> None:
        with self._lock:
            changed, self._changed, self._timer = self._changed, set(), None
        self._on_files(changed)

    def _schedule(self, folder: str) -> None:
        try:
            if self._observer is None:
                from watchdog.observers import Observer

                self._observer = Observer()
                self._observer.daemon = True
                self._observer.start()
            self._observer.schedule(self, folder)
        except OSError as error:
            self._poll_instead(error)

    def _poll_instead(self, error: OSError) -> None:
        from watchdog.observers.polling import PollingObserver

        log.warning("file events are not to be had (%s): folders are polled instead", error)
        if self._observer is not None:
            self._observer.stop()
        self._observer = PollingObserver(timeout=2)
        self._observer.daemon = True
        self._observer.start()
        for folder in self._folders:
            self._observer.schedule(self, folder)
