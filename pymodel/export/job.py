"""The export job: a process of its own; `run.json` holds its result."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

from ..runs import read_request
from ..schema import ExportRequest, PyModelError, RunError
from ..trace.torchvision_operators import watch_for_torchvision
from ..train.job import take_over
from ..train.user_code import describe_error
from .export import export
from .reverify import verify


def run_export_job(folder: Path) -> int:
    """Run the queued export in `folder`. Gives the exit code: 0 completed or stopped, 1 failed.

    Raises:
        RunNotFound: there is no run in `folder`.
    """
    journal = take_over(folder)
    watch_for_torchvision()

    def progress(done: int, total: int) -> None:
        journal.update(last_step=done, total_steps=total)

    try:
        request = read_request(journal.run)
        if not isinstance(request, ExportRequest):
            raise PyModelError("This run is no export.", advice="Start a new one.")
        result = (export if request.verify is None else verify)(request, progress)
    except KeyboardInterrupt:
        journal.update(state="stopped")
        return 0
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        journal.update(state="failed", error=describe_error(error))
        return 1
    difference = describe_difference(result)
    journal.update(state="completed" if difference is None else "failed", result=result, error=difference)
    return 0 if difference is None else 1


def describe_difference(result: dict[str, Any]) -> RunError | None:
    """Where and how the file differs from the model; None where it does not."""
    failed = next((each for each in (*result.get("steps", ()), result) if not each["verified"]), None)
    if failed is None:
        return None
    what = f"{failed['name']} file" if "name" in failed else "file"
    found = failed["first_divergence"]
    if found is None:
        return RunError(f"The {what} is not what the model is: {failed['difference']}.")
    words = f"The {what} differs from the model first on this line: {failed['difference']}."
    return RunError(words, found["path"], found["line"])
