"""The worker process: takes its descriptors, imports torch, and serves requests in one of the two modes."""

from __future__ import annotations

import faulthandler
import importlib
import os
import sys
from typing import Literal

from ..schema import Ready
from ..schema.environment import THREADS
from .limits import die_with_parent

OLDEST_TORCH = (2, 6)


def run_worker(mode: Literal["fork", "persistent"]) -> int:
    """Serve until stdin ends. Stdin and stdout are the protocol's: user code gets nothing and stderr instead."""
    os.environ.update({**THREADS, "CUDA_VISIBLE_DEVICES": ""})
    source, sink = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    die_with_parent()
    faulthandler.enable(all_threads=False)
    ready = prepare(mode)
    if mode == "persistent":
        from .persistent import PersistentWorker

        PersistentWorker(source, sink).serve(ready)
    else:
        from .zygote import Zygote

        Zygote(source, sink).serve(ready)
    return 0


def prepare(mode: Literal["fork", "persistent"]) -> Ready:
    """Import torch and warm the engine; what is missing is told in `Ready.error` with the next step."""
    python = sys.version.split()[0]
    try:
        import torch
    except ImportError as error:
        words = f"torch cannot be imported in {sys.executable}: {error}. Install it with `pip install torch`"
        return Ready(python, None, mode, f"{words}, or choose another interpreter.")
    version = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2])
    if version < OLDEST_TORCH:
        words = f"torch {torch.__version__} is too old: PyModel needs 2.6 or newer. Run `pip install -U torch`."
        return Ready(python, torch.__version__, mode, words)
    from .analyse import warm

    warm()
    if mode == "fork":
        importlib.import_module("pymodel.worker.child")  # before the fork, not after each
        from ..trace.memo import shared_memo

        shared_memo()  # it knows torch's functions as no user code has touched them
    return Ready(python, torch.__version__, mode)
