"""One LSP feature a file; each exports `register(server)`."""

from . import code_actions, code_lens, commands, diagnostics, graph, hover, inlay_hints, models, recipes, runs

ALL = (hover, inlay_hints, code_lens, diagnostics, code_actions, graph, models, recipes, runs, commands)
