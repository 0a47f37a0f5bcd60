"""The export job: a process of its own; `run.json` holds its result."""

from __future__ import annotations

import traceback
from pathlib import Path

from ..runs import read_request
from ..schema import ExportRequest, PyModelError
from ..train.job import take_over
from ..train.user_code import describe_error
from .export import export


def run_export_job(folder: Path) -> int:
    """Run the queued export in `folder`. Gives the exit code: 0 completed or stopped, 1 failed.

    Raises:
        RunNotFound: there is no run in `folder`.
    """
    journal = take_over(folder)
    try:
        request = read_request(journal.run)
        if not isinstance(request, ExportRequest):
            raise PyModelError("This run is no export.", advice="Start a new one.")
        result = export(request)
    except KeyboardInterrupt:
        journal.update(state="stopped")
        return 0
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        journal.update(state="failed", error=describe_error(error))
        return 1
    journal.update(state="completed", result=result)
    return 0
