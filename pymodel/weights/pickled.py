"""Weights in a pickle: loaded with `weights_only=True` by a process of its own, which hands over bytes alone.

That process has limits of memory and time, and can write, connect or start nothing: should a file get past torch's
unpickler, it gets no further. What it sends is safetensors' layout, which is checked like any other file's.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import sys
from collections.abc import Iterator, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from ..worker import guard, limits, seccomp
from .safetensors import NAMES, write_header
from .structure import WeightsNotReadable

CHUNK = 16 << 20
SECONDS = 120
"""Without a byte from the process, after which it is ended."""
DEEPEST = 4
"""How far down in a checkpoint's dicts a state dict is looked for."""
RUNS, FAILS = b"+", b"-"


def copy_tensors(path: Path, output: BinaryIO) -> None:
    """Write the tensors of the state dict in the pickle at `path` to `output`, in safetensors' layout.

    Raises:
        WeightsNotReadable: it holds none, or something other than plain data.
    """
    linux = sys.platform == "linux"
    context = multiprocessing.get_context("fork") if linux else multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_send_tensors, args=(str(path), sending), daemon=True)
    process.start()
    sending.close()
    try:
        ended = False
        while not ended:
            ended = _receive(path, receiving, output)
    except EOFError:
        process.join(SECONDS)
        cause = "it took more memory or time than its size explains, or broke the reader"
        words = f"This file could not be read: {cause} (exit code {process.exitcode})."
        advice = "Save or download it again, and do not use it elsewhere."
        raise WeightsNotReadable(words, path=str(path), advice=advice) from None
    finally:
        receiving.close()
        if process.is_alive():
            process.kill()
        process.join()


def _receive(path: Path, receiving: Connection, output: BinaryIO) -> bool:
    """Take one message; whether it was the last."""
    if not receiving.poll(SECONDS):
        raise EOFError
    message = receiving.recv_bytes(CHUNK + 1)
    if message[:1] == FAILS:
        advice = "Save it with `torch.save(model.state_dict(), path)`. PyModel loads nothing that could run code."
        raise WeightsNotReadable(message[1:].decode("utf-8", "replace"), path=str(path), advice=advice)
    output.write(message[1:])
    return len(message) == 1


def _send_tensors(path: str, sending: Connection) -> None:
    """What the process does: limit itself, load, send."""
    torch.set_num_threads(1)  # a fork has no threads of its parent's, and would wait for them
    if sys.platform == "linux":
        limits.die_with_parent()
        limits.silence(keep=(sending.fileno(),))
        limits.limit_resources((1 << 30) + 3 * Path(path).stat().st_size)
        seccomp.install_filter()
    guard.arm()
    try:
        for part in _read_parts(path):
            sending.send_bytes(RUNS + part)
        sending.send_bytes(RUNS)
    except MemoryError:
        sending.send_bytes(FAILS + b"This file takes more memory than its size explains.")
    except Exception as error:  # torch raises whatever its unpickler met
        sending.send_bytes(FAILS + _describe(error).encode())


def _read_parts(path: str) -> Iterator[bytes | memoryview]:
    weights = find_state_dict(_load(path))
    beginnings: dict[tuple[Any, ...], int] = {}
    end, described, sent = 0, {}, []
    for name, tensor in weights.items():
        if tensor.layout != torch.strided or tensor.is_meta or tensor.dtype not in NAMES:
            raise ValueError(f"`{name}` is a tensor of {tensor.dtype} in layout {tensor.layout}, which is not read")
        place = (tensor.untyped_storage().data_ptr(), tensor.storage_offset(), tensor.stride())
        identity = (*place, tensor.shape, tensor.dtype, "" if tensor.numel() else name)
        if identity not in beginnings:
            beginnings[identity] = end
            sent.append(name)
            end += -(-tensor.numel() * tensor.element_size() // 64) * 64
        described[name] = (tensor.dtype, tuple(tensor.shape), beginnings[identity])
    header = write_header(described, {})
    yield from _chunks(memoryview(header))
    for name in sent:
        flat = weights[name].detach().resolve_conj().resolve_neg().contiguous().flatten()
        data = memoryview((ctypes.c_ubyte * (flat.numel() * flat.element_size())).from_address(flat.data_ptr()))
        yield from _chunks(data)
        if len(data) % 64:
            yield bytes(-len(data) % 64)


def _chunks(data: memoryview) -> Iterator[memoryview]:
    for start in range(0, len(data), CHUNK):
        yield data[start : start + CHUNK]


def _load(path: str) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except RuntimeError as error:
        if "mmap" not in str(error):
            raise
    return torch.load(path, map_location="cpu", weights_only=True)  # the format before torch 1.6 cannot be mapped


def find_state_dict(content: Any) -> dict[str, Tensor]:
    """The state dict in what a file holds: the content itself, or the dict within it that has the most bytes.

    Raises:
        ValueError: there is none.
    """
    found = max(_tensor_dicts(content, DEEPEST), key=_size, default=None)
    if not found:
        raise ValueError("it holds no state dict")
    return found


def _tensor_dicts(content: Any, depth: int) -> Iterator[dict[str, Tensor]]:
    if not isinstance(content, Mapping) or depth == 0:
        return
    yield {key: value for key, value in content.items() if isinstance(key, str) and isinstance(value, Tensor)}
    for value in content.values():
        yield from _tensor_dicts(value, depth - 1)


def _size(weights: Mapping[str, Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in weights.values())


def _describe(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    wanted = next((line for line in lines if "Unsupported" in line or "GLOBAL" in line), lines[0] if lines else "")
    with contextlib.suppress(IndexError):
        wanted = wanted.split("WeightsUnpickler error: ")[1]
    return f"This file holds no plain weights: {(wanted or repr(error)).strip()[:300]}"
