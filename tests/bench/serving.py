"""The server as an editor has it: `python -m tests.bench.serving` measures one over stdio and prints JSON.

Requests are sent while the analyst is kept busy by edits; what counts is the time from a request to its reply, pipe and
client included. Times are in milliseconds, memory in MB.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.server.client import Client

from .cases import ROOT, case_of

ROUNDS = 40
EDITS = 200
IDLE_SECONDS = 5.0
IMPORT_PYGLS = "import pygls.lsp.server, lsprotocol.types"


def measure() -> dict[str, float]:
    """`warm` requests' median and p95, `delay` from a keystroke to diagnostics beyond the trace, `start` as a ratio to
    the import of pygls, `idle` share of a processor, and `memory` after many edits."""
    with tempfile.TemporaryDirectory(prefix="pymodel-bench-") as temporary:
        client = Client(Path(temporary).resolve())
        try:
            return {**_serve(client, Path(temporary).resolve()), "start": _start_ratio()}
        finally:
            client.close()


def _serve(client: Client, folder: Path) -> dict[str, float]:
    case = case_of("gpt_48")
    text = case.path.read_text(encoding="utf-8")
    path = folder / "model.py"
    path.write_text(text, encoding="utf-8")
    uri = client.open(path)
    client.diagnostics(uri, 1)
    times = _warm_requests(client, uri, text)
    delays = [_delay(client, uri, f"{text}\n# {number}\n", 1000 + number) for number in range(10)]
    for number in range(EDITS):
        client.change(uri, 2000 + number, f"{text}\n# {number}\n")
    client.diagnostics(uri, 1999 + EDITS)
    pid = client.process.pid
    before = _cpu_seconds(pid)
    time.sleep(IDLE_SECONDS)
    return {
        "median": statistics.median(times),
        "p95": statistics.quantiles(times, n=20)[-1],
        "delay": statistics.median(delays),
        "idle": (_cpu_seconds(pid) - before) / IDLE_SECONDS,
        "memory": _resident_mb(pid),
    }


def _warm_requests(client: Client, uri: str, text: str) -> list[float]:
    document = {"uri": uri}
    lines = text.splitlines()
    places = [(n, len(line) - len(line.lstrip())) for n, line in enumerate(lines) if " = self." in line]
    whole = {"start": {"line": 0, "character": 0}, "end": {"line": len(lines), "character": 0}}
    times = []
    for number in range(ROUNDS):
        client.change(uri, 2 + number, f"{text}\n# {number}\n")
        line, character = places[number % len(places)]
        position = {"line": line, "character": character}
        for method, params in (
            ("textDocument/hover", {"textDocument": document, "position": position}),
            ("textDocument/inlayHint", {"textDocument": document, "range": whole}),
            ("textDocument/codeLens", {"textDocument": document}),
        ):
            times.append(_ms(lambda method=method, params=params: client.request(method, params)))  # type: ignore[misc]
    client.diagnostics(uri, 1 + ROUNDS)
    return times


def _delay(client: Client, uri: str, text: str, version: int) -> float:
    """From the last keystroke to its diagnostics, less the time from the start of the analysis to its end."""
    seen = len(client.notifications)
    started = time.perf_counter()
    client.change(uri, version, text)

    def analysing() -> bool:
        statuses = [each["params"] for each in client.notifications[seen:] if each["method"] == "pymodel/status"]
        return any(each["state"] == "analysing" for each in statuses)

    client.wait(analysing, "an analysis")
    begun = time.perf_counter()
    client.diagnostics(uri, version)
    return (begun - started) * 1e3


def _start_ratio() -> float:
    """From the server's start to the answer to `initialize`, over the import of pygls alone, in processor time: the
    least of several."""
    imports: list[float] = []
    starts: list[float] = []
    with tempfile.TemporaryDirectory(prefix="pymodel-bench-") as temporary:
        for _ in range(5):
            before = os.times()
            subprocess.run([sys.executable, "-c", IMPORT_PYGLS], check=True, cwd=ROOT)
            after = os.times()
            spent = after.children_user + after.children_system - before.children_user - before.children_system
            imports.append(spent)
            client = Client(Path(temporary), at_initialized=lambda process: starts.append(_cpu_seconds(process.pid)))
            client.close()
    return min(starts) / min(imports)


def _ms(act: Callable[[], Any]) -> float:
    started = time.perf_counter()
    act()
    return (time.perf_counter() - started) * 1e3


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


if __name__ == "__main__":
    print(json.dumps(measure()))
