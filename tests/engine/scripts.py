"""Runs the scripts of `tests/fixtures/monitored`, plain or monitored, each in a fork of one process with torch warm."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "tests" / "fixtures" / "monitored"
MAIN = ROOT / "pymodel" / "__main__.py"


@dataclass(frozen=True)
class Ended:
    """A script that has ended, in its own folder."""

    folder: Path
    code: int

    @property
    def run(self) -> Path:
        return self.folder / "run"

    @property
    def output(self) -> bytes:
        return (self.folder / "stdout.txt").read_bytes()

    @property
    def errors(self) -> str:
        return (self.folder / "stderr.txt").read_text()


class Scripts:
    """`modules` are warm beside torch."""

    def __init__(self, *modules: str) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "TOKENIZERS_PARALLELISM": "false"}
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__)), *modules],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=SCRIPTS,
        )

    def start(self, folder: Path, script: str, *arguments: str, **how: Any) -> int:
        """Fork a run in `folder`, which gets the script and the data; its process id. `how`: see `_become`."""
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(SCRIPTS / "digits.py", folder / "digits.py")
        if not (folder / script).exists():
            shutil.copyfile(SCRIPTS / script, folder / script)
        order = {"folder": str(folder), "script": script, "arguments": arguments, **how}
        return int(self._ask(json.dumps({"start": order})))

    def wait(self, pid: int) -> int:
        return int(self._ask(json.dumps({"wait": pid})))

    def run(self, folder: Path, script: str, *arguments: str, **how: Any) -> Ended:
        return Ended(folder, self.wait(self.start(folder, script, *arguments, **how)))

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


def main(modules: list[str]) -> None:
    import importlib

    for name in ("torch", "torch._dynamo", *modules):
        importlib.import_module(name)
    alive = set()
    while line := sys.stdin.readline():
        order = json.loads(line)
        if "start" in order:
            pid = os.fork()
            if pid == 0:
                _become(**order["start"])
            alive.add(pid)
            answer = str(pid)
        else:
            alive.discard(order["wait"])
            answer = str(os.waitstatus_to_exitcode(os.waitpid(order["wait"], 0)[1]))
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()
    for pid in alive:
        os.kill(pid, signal.SIGKILL)


def _become(
    folder: str,
    script: str,
    arguments: list[str],
    plain: bool = False,
    options: tuple[str, ...] = (),
    faulty: str | None = None,
    max_bytes: int | None = None,
    environment: dict[str, str] | None = None,
    replayed: str | None = None,
) -> None:
    """Run a script as its own process would, and end as it ends. `faulty` is a hook that raises each time; `max_bytes`
    is as much as a file may hold; `replayed` a run whose kept step is run again instead."""
    import torch

    from pymodel.cli.run import main as run
    from pymodel.monitor.guard import Guard
    from pymodel.monitor.launcher import run_as_main
    from pymodel.schema import ScriptRequest

    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
    os.chdir(folder)
    os.environ.update(environment or {})
    os.environ.pop("PYTHONPATH", None)
    torch.manual_seed(0)
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(f"{name}.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), descriptor)
        stream = io.TextIOWrapper(
            io.BufferedWriter(io.FileIO(descriptor, "w", closefd=False)), line_buffering=name == "stderr"
        )
        setattr(sys, name, stream)
    if max_bytes is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (max_bytes, max_bytes))
    if faulty is not None:
        _break(Guard, faulty)
    if plain:
        path = str(Path(script).absolute())
        request = ScriptRequest(path, None, tuple(arguments), folder)
        code = run_as_main(request, script, lambda _: None)
    else:
        code = run(["--replay", replayed] if replayed else ["--run-dir", "run", *options, script, *arguments])
    raise SystemExit(code)


def _break(guard: Any, faulty: str) -> None:
    """Have a hook raise, each time that it is called; the hooks' names are written down."""
    wrap = guard.wrap

    def wrap_faulty(self: Any, what: str, function: Any) -> Any:
        def fail(*arguments: Any, **keywords: Any) -> Any:
            with open("broken.txt", "a") as file:
                file.write(f"{what}\n")
            raise RuntimeError("a fault that was put in")

        return wrap(self, what, fail if faulty in ("all", what) else function)

    guard.wrap = wrap_faulty


if __name__ == "__main__":
    main(sys.argv[1:])
