"""Which weights are exported: a run's checkpoint, a file's, or fresh ones, and then it says so."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from ..schema import ExportRequest, PyModelError
from ..train.checkpoint import WEIGHTS, find_checkpoint
from ..weights import load_weights


class WeightsDoNotFit(PyModelError):
    """The weights are of another model, or of another version of it."""


def load_into(model: nn.Module, request: ExportRequest) -> str:
    """Load the weights that the request names. Gives where they come from: a file, or `fresh`."""
    if request.run is not None:
        path = find_checkpoint(Path(request.run)) / WEIGHTS
    elif request.weights is not None:
        path = Path(request.weights)
    else:
        return "fresh"
    try:
        model.load_state_dict(load_weights(path))
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines()[1:4]]
        advice = "Export the version of the code that the run keeps in its `source` folder, or train again."
        raise WeightsDoNotFit(
            f"The weights do not fit the model: {' '.join(lines)}", path=str(path), advice=advice
        ) from (error)
    return str(path)
