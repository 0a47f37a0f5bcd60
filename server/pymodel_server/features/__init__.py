"""One LSP feature a file; each exports `register(server)`."""

from . import (
    code_actions,
    code_lens,
    commands,
    completion,
    diagnostics,
    explain,
    export,
    graph,
    hover,
    inlay_hints,
    models,
    pins,
    report,
    runs,
    why,
)

ALL = (
    *(hover, inlay_hints, code_lens, diagnostics, code_actions, completion, graph, models, runs),
    *(commands, export, explain, why, pins, report),
)
