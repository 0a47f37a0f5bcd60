"""A run's model as something to be explained: how it was constructed, fed and loaded is in the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..schema import ExplainRequest, PyModelError, TrainRequest
from .folder import read_request, read_run


def explain_run(folder: Path, **asked: Any) -> ExplainRequest:
    """A request about the model of the run in `folder`; `asked` are fields of the request.

    Raises:
        PyModelError: there is no run, or it trained no model by a recipe.
    """
    trained = read_request(read_run(folder))
    if not isinstance(trained, TrainRequest):
        advice = "Name the model and its weights instead: `TARGET --weights FILE`."
        raise PyModelError("This run trained no model by a recipe.", path=str(folder), advice=advice)
    model = trained.recipe.model
    return ExplainRequest(
        trained.target,
        run=str(folder.absolute()),
        construction=model.construction,
        prelude=model.prelude,
        inputs=trained.inputs,
        roots=trained.roots,
        **asked,
    )
