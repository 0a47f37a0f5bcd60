"""Fails open: a fault of the monitor is noted and costs that note, never the script's output, result or exit code."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from types import CodeType
from typing import Any

from ..schema import Gap

MAX_FAULTS = 20
"""After so many the monitor is wrong about this script, and leaves it alone."""


class Guard:
    """Whether the monitor is at work in this process, and what it could not do."""

    def __init__(self) -> None:
        self.active = True
        self._faults = 0
        self._gaps: dict[str, Gap] = {}
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.stop)  # a loader's worker is not the run

    @property
    def gaps(self) -> tuple[Gap, ...]:
        return tuple(self._gaps.values())

    def stop(self) -> None:
        self.active = False

    def note(self, what: str, why: str) -> None:
        """Something is not recorded."""
        self._gaps.setdefault(what, Gap(what, why))

    def note_fault(self, what: str, error: BaseException) -> None:
        self._faults += 1
        self.note(what, f"the monitor's own fault: {type(error).__name__}: {error}")
        if self._faults >= MAX_FAULTS:
            self.note("everything since", f"the monitor is off after {MAX_FAULTS} faults")
            self.stop()

    def wrap(self, what: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function` as a hook: silent while the monitor is off, its errors noted, its result None then."""

        def hook(*arguments: Any, **keywords: Any) -> Any:
            if not self.active:
                return None
            try:
                return function(*arguments, **keywords)
            except Exception as error:
                self.note_fault(what, error)
                return None

        skip_when_compiling(hook.__code__, whole=True)
        return hook


def skip_when_compiling(code: CodeType, *, whole: bool = False) -> None:
    """Keep `torch.compile` from compiling a function of ours; with `whole`, what it calls too."""
    if "torch" not in sys.modules:
        return
    with contextlib.suppress(ImportError, AttributeError):  # a torch that has other names for it
        from torch._C._dynamo.eval_frame import _FrameAction, _FrameExecStrategy, set_code_exec_strategy

        inner = _FrameAction.SKIP if whole else _FrameAction.DEFAULT
        set_code_exec_strategy(code, _FrameExecStrategy(_FrameAction.SKIP, inner))
