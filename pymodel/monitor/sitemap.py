"""The lines of the script that its values stand at, for the editor: found in the text once, then kept up to date."""

from __future__ import annotations

from types import FrameType

from ..runs import to_number
from ..schema import CodeSite
from .progress import count
from .recorder import LoopSample, Recorder
from .rows import Row, shorten
from .sites import Loop, find_loops, find_loss_line, read_source

MAX_SITES = 32

Counts = dict[int, tuple[int | None, int | None]]


class SiteMap:
    """Each site by its kind and line."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._values: dict[tuple[str, str, int], CodeSite] = {}
        self._loops: dict[tuple[str, int], list[Loop]] = {}
        self._loss_lines: dict[tuple[str, int], int] = {}
        self.epochs: int | None = None
        self._batches: int | None = None
        recorder.find_counts = self.count_loops

    def note(self, rows: list[Row]) -> None:
        """Of each value the last one, at its line."""
        last = {(kind, name): (place, value) for row in rows for kind, (place, name, value) in row.sites.items()}
        for (kind, name), (place, value) in last.items():
            if not place:
                continue
            path, line = place[0][0].co_filename, place[0][1]
            if kind == "loss":
                self._set("backward", path, line, name, value)
                line = self._loss_line(path, line)
            self._set(kind, path, line, name, value)

    def sites(self) -> tuple[CodeSite, ...]:
        return (*self._values.values(), *self._loop_sites(self._recorder.loops))

    def total_steps(self, step: int) -> int | None:
        """How many steps there will be, where the loops tell."""
        if self._batches is None:
            return None
        return max(step, self._batches * (self.epochs or 1))

    def count_loops(self, frame: FrameType) -> Counts:
        """On the script's thread, twice a second: how far the loops around a frame's line are."""
        loops = self._loops_at(frame.f_code.co_filename, frame.f_lineno)
        return {loop.line: count(loop, frame) for loop in loops if loop.variable is not None}

    def _loops_at(self, path: str, line: int) -> list[Loop]:
        key = (path, line)
        if key not in self._loops:
            self._loops[key] = find_loops(read_source(path), line)
        return self._loops[key]

    def _loss_line(self, path: str, line: int) -> int:
        """Where the loss of the backward pass at `line` is assigned; that line itself, if it is nowhere."""
        key = (path, line)
        if key not in self._loss_lines:
            self._loss_lines[key] = find_loss_line(read_source(path), line) or line
        return self._loss_lines[key]

    def _set(self, kind: str, path: str, line: int, name: str, value: float) -> None:
        key = (kind, path, line)
        if key in self._values or len(self._values) < MAX_SITES:
            text = read_source(path).text(line)
            self._values[key] = CodeSite(kind, path, line, text, name, to_number(shorten(value)))  # type: ignore[arg-type]

    def _loop_sites(self, stack: list[LoopSample]) -> list[CodeSite]:
        """The innermost loop around the optimizer's step goes over batches, the next one over epochs."""
        found: list[tuple[str, Loop, tuple[int | None, int | None]]] = []
        for sample in stack:
            loops = self._loops_at(sample.path, sample.line)
            found += [(sample.path, loop, sample.counts.get(loop.line, (None, None))) for loop in loops]
        sites = []
        for kind, (path, loop, (done, total)) in zip(("batch", "epoch"), found, strict=False):
            training = self._recorder.loaders.training
            if training is not None and kind == "batch" and done is None:
                done, total = training.batches, training.length
            elif training is not None and kind == "epoch":
                done = training.epoch if total is None else min(max(done or 0, training.epoch), total)
            if kind == "epoch":
                self.epochs = total
            else:
                self._batches = total
            text = read_source(path).text(loop.line)
            sites.append(CodeSite(kind, path, loop.line, text, done=done, total=total))  # type: ignore[arg-type]
        return sites
