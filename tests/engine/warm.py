"""A process with torch warm that forks training jobs, as many and as fast as tests that kill them need."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Warm:
    """Starts jobs by their folders. `user`: jobs run as that user, for whom permissions count."""

    def __init__(self) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(Path(__file__))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=ROOT,
        )
        self._ask("ready?")

    def start(self, folder: Path, user: int = 0) -> int:
        """Fork a job; its process id."""
        return int(self._ask(f"start {user} {folder}"))

    def wait(self, pid: int) -> int:
        """The exit code of a job, once it has ended; of a killed one, minus the signal."""
        return int(self._ask(f"wait {pid}"))

    def run(self, folder: Path, user: int = 0) -> int:
        return self.wait(self.start(folder, user))

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _ask(self, line: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()


def main() -> None:
    import torch

    import pymodel.train.job

    torch.optim.SGD(
        [torch.zeros(1, requires_grad=True)]
    )  # brings what torch imports late: another user may not read it
    for line in sys.stdin:
        word, _, rest = line.strip().partition(" ")
        if word == "start":
            user, _, folder = rest.partition(" ")
            pid = os.fork()
            if pid == 0:
                _become_job(Path(folder), int(user))
            print(pid, flush=True)  # noqa: T201
        elif word == "wait":
            print(os.waitstatus_to_exitcode(os.waitpid(int(rest), 0)[1]), flush=True)  # noqa: T201
        else:
            print(pymodel.train.job.__name__, flush=True)  # noqa: T201


def _become_job(folder: Path, user: int) -> None:
    code = 1
    try:
        os.setsid()
        log = os.open(folder / "log.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        if user:
            os.setuid(user)
        from pymodel.train.job import run_train_job

        code = run_train_job(folder)
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
