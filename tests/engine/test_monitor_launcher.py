"""`pymodel run` in a process of its own: what a script can see of how it was started is what Python gives it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from pymodel import runs

from .scripts import MAIN, SCRIPTS

SEEN = """'''Says what it sees of how it was started.'''
import sys, os, pickle, __main__
class Thing: pass
print(__name__, __file__, __doc__, __package__, getattr(__spec__, "name", None), type(__loader__).__name__)
print(sys.argv, sys.path[0], os.getcwd(), sorted(vars(__main__)))
print(pickle.loads(pickle.dumps(Thing())).__class__.__module__, type(__builtins__).__name__, sys.stdin.read())
print("torch" in sys.modules, sys.stdout.name, sys.stdout.encoding, sys.stdout.isatty(), sys.stdout.fileno())
sys.stderr.write("to the other stream\\n")
"""


def start(
    arguments: list[str], folder: Path, monitored: bool, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    before = ["-P", str(MAIN), "run", "--run-dir", str(folder / "run")] if monitored else []
    return subprocess.run(
        [sys.executable, *before, *arguments],
        cwd=folder,
        input=b"from stdin",
        capture_output=True,
        env={**os.environ, **environment},
        check=False,
        timeout=200,
    )


def compare(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[bytes]:
    plain, monitored = start(arguments, folder, False), start(arguments, folder, True)
    assert monitored.stdout == plain.stdout
    assert monitored.stderr == plain.stderr
    assert monitored.returncode == plain.returncode
    return monitored


def test_a_script_sees_what_it_would_see(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/seen.py").write_text(SEEN)
    ended = compare(["sub/seen.py", "--lr", "0.1", "-m", "--", "x"], tmp_path)
    assert b"'--lr', '0.1', '-m', '--', 'x'" in ended.stdout
    assert b"False <stdout>" in ended.stdout
    run = runs.read_run(tmp_path / "run")
    assert (run.state, run.target) == ("completed", str(tmp_path / "sub/seen.py"))
    known = runs.read_monitored(tmp_path / "run")
    assert known is not None
    assert [gap.why for gap in known.gaps] == ["the script has not imported torch"]


def test_a_module_sees_what_it_would_see(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package/__init__.py").write_text("")
    (tmp_path / "package/seen.py").write_text(SEEN)
    compare(["-m", "package.seen", "--json", "x"], tmp_path)
    assert runs.read_run(tmp_path / "run").target == "package.seen"


def test_ends_are_the_script_s(tmp_path: Path) -> None:
    for number, text in enumerate(
        (
            "import sys; sys.exit(7)",
            "raise SystemExit('words')",
            "def f():\n    open('nowhere')\ntry:\n    f()\nexcept OSError as e:\n    raise KeyError('x') from e",
            "print('unfinished'\n",
            "import sys; sys.excepthook = lambda *a: print('mine', a[1]); 1 / 0",
            "import atexit; atexit.register(print, 'last'); 1 / 0",
            "import os; print('x', flush=True); os._exit(5)",
            "raise KeyboardInterrupt",
        )
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "script.py").write_text(text)
        compare(["script.py"], folder)
    states = [runs.read_run(tmp_path / str(number) / "run").state for number in range(8)]
    assert states == ["failed", "failed", "failed", "failed", "failed", "failed", "interrupted", "stopped"]


def test_json_is_one_document_and_the_script_s_output_goes_to_stderr(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text("print('hello'); print('val loss 0.5'); print('val loss 0.25')")
    command = [sys.executable, "-P", str(MAIN), "run", "--json", "script.py"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    document = json.loads(ended.stdout)
    assert (document["state"], document["metrics"]["last"]["printed/val_loss"]) == ("completed", 0.25)
    assert ended.stderr.startswith(b"hello\n")
    assert Path(document["run"]).parent == tmp_path / ".pymodel/runs"
    listed = subprocess.run(
        [sys.executable, "-P", str(MAIN), "runs", "list"], cwd=tmp_path, capture_output=True, check=True
    )
    assert b"completed    script" in listed.stdout.replace(b"  script", b"    script")


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    ended = start(["missing.py"], tmp_path, True)
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert b"missing.py" in ended.stderr
    assert not (tmp_path / "run").exists()


def test_settings_and_secrets_of_the_environment(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        "import os; os.environ['OMP_NUM_THREADS'] = '1'\nimport torch\nprint(torch.get_num_threads())\n"
    )
    ended = start(["script.py"], tmp_path, True, MY_SECRET="canary-7", CUDA_VISIBLE_DEVICES="")
    assert ended.stdout == b"1\n"
    assert runs.read_run(tmp_path / "run").environment["CUDA_VISIBLE_DEVICES"] == ""
    assert not [path for path in (tmp_path / "run").rglob("*") if path.is_file() and b"canary-7" in path.read_bytes()]


def test_the_revision_and_what_was_changed_since(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text("print(1)\n")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=x", "-c", "user.email=x@x"]
    for command in (["init", "-q"], ["add", "script.py"], ["commit", "-qm", "x"]):
        subprocess.run([*git, *command], check=True)
    (tmp_path / "script.py").write_text("import time; time.sleep(0)\nprint(2)\n" + "sum(range(10 ** 7))\n" * 8)
    start(["script.py"], tmp_path, True)
    known = runs.read_monitored(tmp_path / "run")
    assert known is not None
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    assert known.commit == head
    assert "+print(2)" in (tmp_path / "run/source/changes.diff").read_text()


def test_two_ranks_under_torchrun(tmp_path: Path) -> None:
    for name in ("ddp.py", "digits.py"):
        (tmp_path / name).write_bytes((SCRIPTS / name).read_bytes())
    launcher = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone", "--no-python"]
    command = [sys.executable, *launcher, sys.executable, "-P", str(MAIN), "run", "ddp.py"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(MAIN.parents[1])}
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, env=environment, check=False, timeout=280)
    assert ended.returncode == 0, ended.stderr.decode()
    import torch

    (run,) = (tmp_path / ".pymodel/runs").iterdir()
    for rank in (0, 1):
        rows, _ = runs.read_metrics(run, rank=rank)
        captured = [row.values["train/loss"] for row in rows if "train/loss" in row.values]
        assert captured == [float(f"{loss:.9g}") for loss in torch.load(tmp_path / f"true.{rank}.pt")]
    assert runs.read_run(run).state == "completed"
    known = runs.read_monitored(run, rank=1)
    assert known is not None
    assert known.step == 6
