"""`python -m tests.engine.truth FILE[::NAME]…`: exits 1 where a claim is not true."""

from __future__ import annotations

import sys
from pathlib import Path

from pymodel.worker.client import Worker

from .check import check_file


def main(targets: list[str]) -> int:
    if not targets:
        sys.stderr.write("usage: python -m tests.engine.truth FILE[::NAME]…\n")
        return 2
    reports = []
    with Worker() as worker:
        for target in targets:
            path, _, name = target.partition("::")
            for report in check_file(worker, Path(path), name or None):
                sys.stdout.write(f"{report}\n")
                reports.append(report)
    claimed, assumed = sum(each.claimed for each in reports), sum(len(each.assumed) for each in reports)
    wrong = sum(bool(each.disagreements) for each in reports)
    share = f"{assumed / claimed:.1%}" if claimed else "none"
    sys.stdout.write(f"{len(reports)} models, {wrong} with disagreements; {share} of {claimed} values assumed\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
