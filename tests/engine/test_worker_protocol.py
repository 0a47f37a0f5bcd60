"""What a worker says and when: ready, cancelled, replaced, queued, without torch, and gone with its owner."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pymodel.schema import Analyse, Failed, Finished, Ready, Started, Traced, encode_frame, from_json, read_frame
from pymodel.schema.environment import worker_environment
from pymodel.worker.deaths import find_user_frame

from .analyst import FIXTURES, HEALTHY, ROOT, Analyst

SLOW = """\
import torch
from torch import nn


class Slow(nn.Module):  # pymodel: Slow(), x=(B, 3)
    def forward(self, x):
        while True:
            x = x + 1
"""
TELL_SURROUNDINGS = """\
import os
import resource


def strike():
    core, size = resource.getrlimit(resource.RLIMIT_CORE), resource.getrlimit(resource.RLIMIT_AS)
    raise ValueError(f"{os.environ.get('AWS_SECRET')} {core} {size[0] >> 30} {os.readlink('/proc/self/fd/1')}")
"""
PAST_PYTHON = """\
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
EFFECT = __file__.replace("strike.py", "effect").encode()


def strike():
    said = [libc.fork(), libc.creat(EFFECT, 0o600), libc.mkdir(EFFECT, 0o700), libc.socket(2, 1, 0)]
    raise ValueError(f"{libc.system(b'true') != 0} {said}")
"""
CRASH = """\
Current thread 0x1 (most recent call first):
  File "/usr/lib/python3/ctypes/__init__.py", line 517 in string_at
  File "/w/caf\\xe9/site-packages/torch/nn.py", line 9 in call
  File "/w/caf\\xe9/net.py", line 12 in forward
"""


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def last_of(analyst: Analyst, *numbers: int) -> dict[int, Finished | Failed]:
    """The last event of each of these requests."""
    found: dict[int, Finished | Failed] = {}
    for event in analyst.events():
        if isinstance(event, (Finished, Failed)):
            found[event.id] = event
        if set(numbers) <= set(found):
            break
    return found


def await_start(analyst: Analyst, number: int) -> None:
    for event in analyst.events():
        if isinstance(event, Started) and event.id == number:
            return
    pytest.fail("the worker ended")


def test_ready_says_what_it_runs_on(analyst: Analyst) -> None:
    analyst.start()
    assert analyst.ready.mode == analyst.mode
    assert analyst.ready.error is None
    assert analyst.ready.torch
    assert analyst.ready.python == ".".join(map(str, sys.version_info[:3]))


def test_events_come_in_order_and_only_for_the_targets_asked(analyst: Analyst, tmp_path: Path) -> None:
    path = write(tmp_path, "two.py", HEALTHY + "\n\n" + HEALTHY.replace("Fine", "Other"))
    said = analyst.analyse(path)
    assert [type(event) for event in said] == [Started, Traced, Started, Traced, Finished]
    said = analyst.analyse(path, targets=(f"{path}::Other",))
    assert [event.target for event in said if isinstance(event, Started)] == [f"{path}::Other"]


def test_unsaved_text_counts_and_nothing_of_it_stays(analyst: Analyst, tmp_path: Path) -> None:
    path = write(tmp_path, "net.py", "from part import width\n" + HEALTHY.replace("3, 5", "3, width"))
    part = write(tmp_path, "part.py", "width = 5\n")
    for text, width in (("width = 8\n", 8), ("width = 9\n", 9), (None, 5)):
        said = analyst.analyse(path, documents={} if text is None else {str(part): text})
        (trace,) = (event.trace for event in said if isinstance(event, Traced))
        assert [value.dims for value in trace.values if value.name == "y"] == [("B", width)]


def test_cancel_stops_an_analysis(analyst: Analyst, tmp_path: Path) -> None:
    number = analyst.send(write(tmp_path, "slow.py", SLOW))
    await_start(analyst, number)
    analyst.cancel(number)
    answer = last_of(analyst, number)[number]
    assert isinstance(answer, Failed)
    assert (answer.code, answer.reason) == ("cancelled", "cancelled")
    assert isinstance(analyst.analyse(write(tmp_path, "fine.py", HEALTHY))[-1], Finished)


def test_a_newer_request_for_a_file_replaces_the_older(analyst: Analyst, tmp_path: Path) -> None:
    path = write(tmp_path, "net.py", SLOW)
    older = analyst.send(path)
    await_start(analyst, older)
    newer = analyst.send(path, documents={str(path): HEALTHY})
    answers = last_of(analyst, older, newer)
    assert isinstance(answers[older], Failed)
    assert answers[older].code == "cancelled"  # type: ignore[union-attr]
    assert isinstance(answers[newer], Finished)


def test_a_hang_does_not_delay_another_file(zygote: Analyst, tmp_path: Path) -> None:
    slow = zygote.send(write(tmp_path, "slow.py", SLOW))
    await_start(zygote, slow)
    fine = zygote.send(write(tmp_path, "fine.py", HEALTHY))
    answers = last_of(zygote, fine)
    assert list(answers) == [fine]
    zygote.cancel(slow)
    assert isinstance(last_of(zygote, slow)[slow], Failed)


def test_a_third_file_waits_its_turn(zygote: Analyst, tmp_path: Path) -> None:
    slow = [zygote.send(write(tmp_path, f"slow{n}.py", SLOW)) for n in range(2)]
    fine = zygote.send(write(tmp_path, "fine.py", HEALTHY))
    zygote.cancel(slow[0])
    answers = last_of(zygote, slow[0], fine)
    assert isinstance(answers[fine], Finished)
    zygote.cancel(slow[1])
    assert isinstance(last_of(zygote, slow[1])[slow[1]], Failed)


@pytest.mark.parametrize("mode", ["fork", "persistent"])
def test_without_torch_each_request_is_answered_with_the_next_step(mode: str, tmp_path: Path) -> None:
    path = write(tmp_path, "fine.py", HEALTHY)
    done = subprocess.run(
        [sys.executable, "-S", "-P", str(ROOT / "pymodel/__main__.py"), "worker", "--mode", mode],
        input=encode_frame(Analyse(1, str(path))) + encode_frame(Analyse(2, str(path))),
        capture_output=True,
        timeout=30,
        env=worker_environment(os.environ),
    )
    stream = Path(tmp_path / "answers")
    stream.write_bytes(done.stdout)
    with stream.open("rb") as answers:
        ready = from_json(Ready, read_frame(answers))
        failed = [from_json(Failed, read_frame(answers)) for _ in range(2)]
        assert read_frame(answers) is None
    assert ready.torch is None
    assert "pip install torch" in (ready.error or "")
    assert [(each.id, each.reason) for each in failed] == [(1, ready.error), (2, ready.error)]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")
def test_children_go_with_the_owner(tmp_path: Path) -> None:
    own = Analyst("fork")
    number = own.send(write(tmp_path, "slow.py", SLOW))
    await_start(own, number)
    process = own.start()
    child = int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text())
    watch = os.pidfd_open(child)
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(10) == 0
    assert select.select([watch], [], [], 10)[0], "the child outlived its zygote"
    os.close(watch)
    assert process.stdout is not None
    process.stdout.close()


def test_a_childs_secrets_limits_and_descriptors(tmp_path: Path) -> None:
    """Seen from inside: the child tells in the message of an error."""
    shutil.copy(FIXTURES / "hosts" / "forward.py", tmp_path / "net.py")
    write(tmp_path, "strike.py", TELL_SURROUNDINGS)
    own = Analyst("fork")
    os.environ["AWS_SECRET"] = "canary"
    try:
        said = own.analyse(tmp_path / "net.py")
    finally:
        del os.environ["AWS_SECRET"]
        own.stop()
    (trace,) = (event.trace for event in said if isinstance(event, Traced))
    words = next(each.message for each in trace.diagnostics if "ValueError" in each.message)
    _, secret, core, _, size, stdout = words.split()
    assert (secret, core, stdout) == ("None", "(0,", "/dev/null")
    assert 4 <= int(size) <= 12


def test_seccomp_stops_what_no_audit_hook_sees(zygote: Analyst, tmp_path: Path) -> None:
    shutil.copy(FIXTURES / "hosts" / "forward.py", tmp_path / "net.py")
    write(tmp_path, "strike.py", PAST_PYTHON)
    said = zygote.analyse(tmp_path / "net.py")
    words = [each.message for event in said if isinstance(event, Traced) for each in event.trace.diagnostics]
    assert any("True [-1, -1, -1, -1]" in each for each in words), words
    assert not (tmp_path / "effect").exists()


def test_the_innermost_frame_of_the_users_own_code_is_found() -> None:
    assert find_user_frame(CRASH, Analyse(1, "/w/café/net.py")) == ("/w/café/net.py", 12)
    assert find_user_frame("", Analyse(1, "/w/net.py")) == (None, None)
