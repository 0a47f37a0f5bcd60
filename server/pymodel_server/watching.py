"""Watches the folders of traced files and of runs on disk. Events are hints: they are gathered, then told once.

inotify serves where it can; where its limits are reached, or there is none, folders are polled and one notice says so.
On macOS the client's own file events serve instead.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers.api import BaseObserver

from pymodel.discover.pin_tables import PROJECT_FILE
from pymodel.runs import LABEL_FILE, RUN_FILE

from .l10n import t

log = logging.getLogger(__name__)

GATHER_SECONDS = 0.3
"""An atomic save arrives as several events; a `git checkout` as thousands."""
POLL_SECONDS = 2


class Watcher(FileSystemEventHandler):
    """Tells what changed, from a thread of its own: Python files to `on_files`, folders of runs to `on_runs`.

    `on_notice` is given words for the user, at most once.
    """

    def __init__(
        self,
        on_files: Callable[[set[str]], None],
        on_runs: Callable[[set[Path]], None],
        on_notice: Callable[[str], None],
    ) -> None:
        self._on_files = on_files
        self._on_runs = on_runs
        self._on_notice = on_notice
        self._watched: dict[str, bool] = {}
        """By folder, whether what lies below it is watched as well."""
        self._awaited: set[Path] = set()
        """Folders of runs that are not there yet."""
        self._files: set[str] = set()
        self._runs: set[Path] = set()
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()
        self._observer: BaseObserver | None = None

    def watch_files(self, files: set[str]) -> None:
        """Watch the folders of these files as well."""
        for folder in {str(Path(file).parent) for file in files}:
            self._watch(folder)

    def watch_runs(self, root: Path) -> None:
        """Watch the runs in `root`. It is made with the first run: until then the folders above it are watched."""
        if root.is_dir():
            self._awaited.discard(root)
            self._watch(str(root), recursive=True)
            return
        self._awaited.add(root)
        above = next((folder for folder in root.parents if folder.is_dir()), None)
        if above is not None:
            self._watch(str(above))
        if root.is_dir():  # it was made in the meantime
            self.watch_runs(root)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._observer is not None:
            self._observer.stop()

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.event_type in ("opened", "closed_no_write"):
            return
        paths = [Path(str(path)) for path in (event.src_path, event.dest_path) if path]
        if event.is_directory:
            for root in [root for root in self._awaited if any(root.is_relative_to(path) for path in paths)]:
                self.watch_runs(root)
                self._gather(set(), {each.parent for each in root.glob(f"*/{RUN_FILE}")})
            return
        files = {str(path) for path in paths if path.suffix == ".py" or path.name == PROJECT_FILE}
        self._gather(files, {path.parent for path in paths if path.name in (RUN_FILE, LABEL_FILE)})

    def _gather(self, files: set[str], runs: set[Path]) -> None:
        if not files and not runs:
            return
        with self._lock:
            self._files |= files
            self._runs |= runs
            if self._timer is None:
                self._timer = threading.Timer(GATHER_SECONDS, self._tell)
                self._timer.daemon = True
                self._timer.start()

    def _tell(self) -> None:
        with self._lock:
            files, self._files = self._files, set()
            runs, self._runs = self._runs, set()
            self._timer = None
        if files:
            self._on_files(files)
        if runs:
            self._on_runs(runs)

    def _watch(self, folder: str, *, recursive: bool = False) -> None:
        known = self._watched.get(folder)
        if known is not None and known >= recursive:
            return
        self._watched[folder] = recursive
        try:
            if self._observer is None:
                from watchdog.observers import Observer

                self._start(Observer())
            assert self._observer is not None
            self._observer.schedule(self, folder, recursive=recursive)
        except OSError as error:
            self._poll_instead(error)

    def _start(self, observer: BaseObserver) -> None:
        observer.daemon = True
        observer.start()
        self._observer = observer

    def _poll_instead(self, error: OSError) -> None:
        from watchdog.observers.polling import PollingObserver

        if isinstance(self._observer, PollingObserver):
            log.info("a folder cannot be watched: %s", error)
            return
        cause = error.strerror or error
        words = t("File events are not to be had ({0}): changed files are looked for every {1} s.", cause, POLL_SECONDS)
        log.warning(words)
        self._on_notice(words)
        if self._observer is not None:
            self._observer.stop()
        self._start(PollingObserver(timeout=POLL_SECONDS))
        assert self._observer is not None
        for folder, recursive in self._watched.items():
            if Path(folder).is_dir():
                self._observer.schedule(self, folder, recursive=recursive)
