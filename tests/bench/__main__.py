"""Prints the speed rows as a Markdown table, goal beside result: `make bench`."""

from __future__ import annotations

import platform
import sys
from datetime import UTC, datetime

import torch

from .cases import CASES, Case, case_of, measure_apart

EDITED = (("cnn", 50), ("resnet50", 100))
TOOLS = ("torchinfo", "torchview", "torch.export")


def main() -> int:
    """Measure all; 1 if a goal is missed."""
    when = datetime.now(UTC).strftime("%Y-%m-%d")
    print(f"{when}, torch {torch.__version__}, Python {platform.python_version()}, processor time\n")
    print("| what | goal | result | met |")
    print("|---|---|---|---|")
    met = [
        *_trace_rows(),
        *_edit_rows(),
        *_server_rows(),
        *_tool_rows(),
        *_training_rows(),
        *_monitoring_rows(),
        *_learning_rows(),
        *_export_rows(),
        *_explain_rows(),
        *_panel_rows(),
    ]
    return 0 if all(met) else 1


def _trace_rows() -> list[bool]:
    times = {case: measure_apart("tracing", case.name) for case in CASES}
    met = [
        _row(
            f"trace, memo warm ÷ bare meta forward: {case.title}",
            "≤ 0.10",
            f"{found['warm'] / found['bare']:.3f} ({found['warm']:.1f} ms, {found['operations']} operations)",
            found["warm"] / found["bare"] <= 0.10,
        )
        for case, found in times.items()
    ]
    met += [
        _row(
            f"trace, memo cold ÷ bare meta forward: {case.title}",
            "≤ 0.5, never > 1.3",
            f"{found['cold'] / found['bare']:.3f} ({found['hits']} hits, {found['misses']} misses)",
            found["cold"] / found["bare"] <= 0.5,
        )
        for case, found in times.items()
    ]
    llama = times[case_of("llama_70b")]
    total = llama["build"] + llama["cold"]
    met.append(
        _row(
            "Llama-70B: build and first trace; memory above imports",
            "≤ 150 ms; ≤ 100 MB",
            f"{total:.0f} ms; {llama['memory']:.0f} MB",
            total <= 150 and llama["memory"] <= 100,
        )
    )
    return met


def _edit_rows() -> list[bool]:
    met = []
    for name, goal in EDITED:
        case = case_of(name)
        found = measure_apart("editing", name)
        words = f"{found['edit']:.0f} ms (first in a new zygote: {found['first']:.0f} ms)"
        met.append(_row(f"edit → new Trace: {case.title}", f"≤ {goal} ms", words, found["edit"] <= goal))
    return met


def _server_rows() -> list[bool]:
    found = measure_apart("serving", "")
    warm = f"{found['median']:.1f} ms; {found['p95']:.1f} ms"
    return [
        _row(
            "hover, hints, lenses while the analyst is busy, pipe included: median; p95",
            "≤ 5 ms; ≤ 20 ms",
            warm,
            found["median"] <= 5 and found["p95"] <= 20,
        ),
        _row("last keystroke → the analysis has begun", "≤ 150 ms", f"{found['delay']:.0f} ms", found["delay"] <= 150),
        _row(
            "server's start to `initialize` ÷ import of pygls", "≤ 1.1", f"{found['start']:.2f}", found["start"] <= 1.1
        ),
        _row("server's processor when idle", "≤ 0.5 %", f"{100 * found['idle']:.2f} %", found["idle"] <= 0.005),
        _row("server's memory after many edits", "≤ 150 MB", f"{found['memory']:.0f} MB", found["memory"] <= 150),
    ]


def _tool_rows() -> list[bool]:
    return [met for case in CASES for met in _rows_of_tools(case)]


def _rows_of_tools(case: Case) -> list[bool]:
    found = measure_apart("tools", case.name)
    return [
        _row(f"{tool} ÷ trace, memo warm: {case.title}", "≥ 5", f"{ratio:.1f}", ratio >= 5)
        if (ratio := found[tool] / found["trace"] if found[tool] is not None else None) is not None
        else _row(f"{tool} ÷ trace, memo warm: {case.title}", "≥ 5", "it fails on this model", True)
        for tool in TOOLS
    ]


def _training_rows() -> list[bool]:
    met = []
    for name, title in (("mlp", "MLP"), ("cnn", "CNN"), ("bilstm", "BiLSTM"), ("gpt", "GPT")):
        found = measure_apart("training", name)
        ratio = found["by_hand"] / found["ours"]
        more = (found["ours"] - found["by_hand"]) / found["steps"] * 1e6
        words = f"{ratio:.3f} ({more:+.0f} µs a step)"
        met.append(
            _row(
                f"throughput ÷ a hand-written loop's: {title}",
                "≥ 0.99, or ≤ 50 µs a step",
                words,
                ratio >= 0.99 or more <= 50,
            )
        )
    return met


def _monitoring_rows() -> list[bool]:
    met = []
    for name, title in (("mlp", "MLP"), ("cnn", "CNN")):
        found = measure_apart("monitoring", name)
        share = found["added"] / found["step"]
        words = f"{found['added']:+.0f} µs to {found['step']:.0f} µs ({share:.1%})"
        goal = "≤ 100 µs a step" if found["step"] < 10_000 else "≤ 1 %"
        is_met = found["added"] <= 100 if found["step"] < 10_000 else share <= 0.01
        met.append(_row(f"what the monitor adds to a step: {title}", goal, words, is_met))
        met.append(
            _row(f"on disk for a step: {title}", "≤ 100 bytes", f"{found['bytes']:.0f} bytes", found["bytes"] <= 100)
        )
    start = measure_apart("monitoring", "start")
    return [
        *met,
        _row("what the monitor adds to a start", "≤ 150 ms", f"{start['start']:.0f} ms", start["start"] <= 150),
        _row("memory of the monitor", "≤ 20 MB", f"{start['memory']:.1f} MB", start["memory"] <= 20),
    ]


def _learning_rows() -> list[bool]:
    found: dict[str, list[float]] = measure_apart("learning", "all")
    digits, scratch, tuned = found["digits"][0], found["scratch"], found["fine_tuned"]
    pairs = list(zip(tuned, scratch, strict=True))
    better = sum(ours > theirs for ours, theirs in pairs)
    means = f"{sum(tuned) / len(pairs):.1%} against {sum(scratch) / len(pairs):.1%}"
    return [
        _row("the sample's image model, on held-out digits", "≥ 97 %", f"{digits:.1%}", digits >= 0.97),
        _row(
            "the sample's text model, pre-trained against from scratch",
            "better, over five seeds",
            f"{better} of {len(pairs)}: {means}",
            better == len(pairs),
        ),
    ]


def _export_rows() -> list[bool]:
    met = []
    for name, title in (("cnn", "small CNN"), ("resnet50", "resnet50")):
        found = measure_apart("exporting", name)
        more, proof = found["ours"] / found["bare"] - 1, found["proof"] / found["runs"]
        words = f"{more:+.1%} to {found['bare']:.2f} s"
        met.append(_row(f"an export beyond torch.onnx.export: {title}", "≤ 10 %", words, more <= 0.1))
        words = f"{proof:.2f} ({found['runs']:.2f} s)"
        met.append(_row(f"proof ÷ the runs it consists of: {title}", "≤ 1.2", words, proof <= 1.2))
    return met


def _explain_rows() -> list[bool]:
    met = []
    for name, title in (("cnn", "small CNN"), ("resnet50", "resnet50")):
        found = measure_apart("explaining", name)
        more = found["view"] - found["forward"]
        words = f"{more:.0f} ms (forward {found['forward']:.0f} ms)"
        met.append(_row(f"activations of a sample, beyond one forward: {title}", "≤ 300 ms", words, more <= 300))
    return met


def _panel_rows() -> list[bool]:
    found: dict[str, dict[str, float]] = measure_apart("panel", "all")
    met = []
    for name, times in found.items():
        for what, goal in (("paint", 400), ("descend", 150), ("lit", 50), ("refresh", 200), ("heap", 150)):
            unit = "MB" if what == "heap" else "ms"
            met.append(
                _row(f"panel, {what}: {name}", f"≤ {goal} {unit}", f"{times[what]:.0f} {unit}", times[what] <= goal)
            )
    ratio = found["resnet50"]["netron"] / found["resnet50"]["paint"]
    met.append(_row("Netron, the same operations flat ÷ panel, paint: resnet50", "> 1", f"{ratio:.1f}", ratio > 1))
    return met


def _row(what: str, goal: str, result: str, met: bool) -> bool:
    print(f"| {what} | {goal} | {result} | {'yes' if met else 'no'} |", flush=True)
    return met


if __name__ == "__main__":
    sys.exit(main())
