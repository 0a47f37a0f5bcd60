"""`pymodel graph`: a level as a table, JSON or Mermaid; what changed since a revision; the graph in a browser."""

from __future__ import annotations

import argparse
import sys
import threading
import webbrowser
from typing import Any

from ..browse.server import GraphServer
from ..discover.revisions import read_revision
from ..graph.amounts import evaluate, sample_sizes, show_amount, show_sizes
from ..graph.compare import compare_traces
from ..graph.level import build_level
from ..graph.mermaid import to_mermaid
from ..schema import Dim, GraphDiff, NodeFacts, Trace, to_json
from .analyses import AnalysisFailed, Target, add_target, find_target, trace_code, trace_target
from .output import print_json, print_table, show

Row = tuple[str, str, str, str, str, str]
HEADINGS: Row = ("change", "node", "shape", "parameters", "FLOPs", "bytes")


def add_commands(commands: Any) -> None:
    command = commands.add_parser("graph", help="one level of the model's graph, or what changed in it")
    add_target(command)
    command.add_argument("--level", default="", metavar="PATH", help="the node to open")
    command.add_argument("--diff", metavar="REV", help="what changed since this revision of git: a branch, HEAD~3, …")
    command.add_argument("--format", choices=("text", "markdown", "mermaid", "json"), default="text")
    command.add_argument("--open", action="store_true", help="show it in the browser, until its page is closed")
    command.set_defaults(run=run_graph)


def run_graph(options: argparse.Namespace) -> int:
    target = find_target(options.target)
    form = "json" if options.json else options.format
    trace = trace_target(target, options)
    if options.open:
        browse(trace)
    elif options.diff is not None:
        print_diff(compare_with_revision(trace, target, options), trace, form)
    else:
        print_level(trace, options.level, form)
    return trace_code(trace)


def browse(trace: Trace) -> None:
    """Show a trace's graph in the browser, until its page is closed or the command interrupted.

    Raises:
        NoPage: the page has not been built.
    """
    server = GraphServer(trace)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        opened = webbrowser.open(server.url)
        words = "The graph is open in the browser" if opened else f"Open {server.url} in a browser"
        print(f"{words}; this ends when its page is closed.", file=sys.stderr, flush=True)
        server.ended.wait()
    except KeyboardInterrupt:
        pass
    finally:
        server.shutdown()
        server.server_close()


def print_level(trace: Trace, path: str, form: str) -> None:
    level = build_level(trace, path)
    if form == "json":
        print_json({"level": to_json(level)})
    elif form == "mermaid":
        print(to_mermaid(level), end="")
    elif form == "markdown":
        print(f"```mermaid\n{to_mermaid(level)}```")
    else:
        print_table([(node.id, node.type, " ".join(map(show, node.outputs))) for node in level.nodes])


def compare_with_revision(trace: Trace, target: Target, options: argparse.Namespace) -> GraphDiff:
    """What changed since `--diff`.

    Raises:
        NoRevision: git has no such revision of the file.
        AnalysisFailed: one of the two cannot be traced.
    """
    before = trace_target(target, options, documents=read_revision(target.path, options.diff))
    for each, words in ((trace, "as it is"), (before, f"as it was at {options.diff}")):
        if not each.operations:
            reason = next((found.message for found in each.diagnostics), "no model of this name was found")
            raise AnalysisFailed(f"{target.name} cannot be traced {words}: {reason}", advice="See 'pymodel why'.")
    return compare_traces(before, trace, f"git:{options.diff}")


def print_diff(diff: GraphDiff, trace: Trace, form: str) -> None:
    if form == "json":
        print_json({"diff": to_json(diff)})
        return
    sizes = sample_sizes(trace)
    rows = [_row(each.change, each.id, each.before, each.after, sizes) for each in diff.changes]
    total = _row("", "total", diff.before, diff.after, sizes)
    if form == "markdown":
        print(f"| {' | '.join(HEADINGS)} |\n|{'---|' * 3}{'--:|' * 3}")
        for row in (*rows, tuple(f"**{cell}**" if cell else "" for cell in total)):
            print(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |")
    elif not rows:
        print(f"nothing changed since {diff.base.partition(':')[2]}")
    else:
        print_table([HEADINGS, *rows, total], right=(3, 4, 5))
    if rows and sizes:
        print(f"\nFLOPs and bytes at {show_sizes(sizes)}")


def _row(change: str, name: str, before: NodeFacts | None, after: NodeFacts | None, sizes: dict[str, int]) -> Row:
    amounts = [
        _arrow(*(_amount(getattr(side, field), sizes) if side else "" for side in (before, after)))
        for field in ("parameters", "flops", "activation_bytes")
    ]
    shapes = _arrow(*(" ".join(map(show, side.outputs)) if side else "" for side in (before, after)))
    types = [side.type.rpartition(".")[2] for side in (before, after) if side]
    kind = "" if name == "total" else f" {' → '.join(dict.fromkeys(types))}"
    return change, f"{name}{kind}", shapes, amounts[0], amounts[1], amounts[2]


def _amount(amount: Dim, sizes: dict[str, int]) -> str:
    known = evaluate(amount, sizes)
    return str(amount) if known is None else show_amount(known)


def _arrow(before: str, after: str) -> str:
    return before if before == after else " → ".join(filter(None, (before, after)))
