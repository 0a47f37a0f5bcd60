"""Whatever the memo answers is what torch would have said: the same document with it and without, cold and warm."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pymodel.schema import Analyse, Trace, Traced, to_json
from pymodel.trace.memo import Memo
from pymodel.trace.questions import Unreadable, ask_again, read_answer, read_question, tell_answer, tell_question
from pymodel.worker.analyse import analyse

from .analyst import HEALTHY, Analyst

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
FILES = [
    FIXTURES / "memo" / "kinds.py",
    *(FIXTURES / "models" / name for name in ("bilstm.py", "gpt.py")),
    *(FIXTURES / "resolve" / name for name in ("unet.py", "vision.py", "broken.py")),
]


def trace(path: Path, memo: Memo | None, mode: str = "eval") -> list[Trace]:
    events: list[Traced] = []
    request = Analyse(1, str(path), roots=(str(path.parent),), mode=mode)  # type: ignore[arg-type]
    analyse(request, lambda event: events.append(event) if isinstance(event, Traced) else None, get_memo=lambda: memo)
    return [event.trace for event in events]


@pytest.mark.parametrize(
    ("path", "mode"),
    [*((path, "eval") for path in FILES), (FILES[0], "train")],
    ids=lambda each: getattr(each, "stem", each),
)
def test_the_document_is_the_same_with_and_without(path: Path, mode: str) -> None:
    memo = Memo()
    without = trace(path, None, mode)
    cold = trace(path, memo, mode)
    known, hits = len(memo.answers), memo.hits
    warm = trace(path, memo, mode)
    assert known > 0
    assert memo.hits > 2 * hits
    assert len(memo.answers) == known, "the second time nothing is new"
    for expected, first, second in zip(without, cold, warm, strict=True):
        assert to_json(first) == to_json(expected), expected.target
        assert to_json(second) == to_json(expected), expected.target


def test_questions_that_another_process_answers_give_the_same_document() -> None:
    own, other = Memo(), Memo()
    expected = trace(FILES[0], own)
    told = [question for key in own.answers if (question := tell_question(key)) is not None]
    assert len(told) > 0.9 * len(own.answers)
    said = [ask_again(Memo(), question) for question in json.loads(json.dumps(told))]
    for line in said:
        if line is not None:
            other.remember(*read_answer(other, json.loads(json.dumps(line))))
    known = len(other.answers)
    assert known > 0.8 * len(told)
    assert [to_json(each) for each in trace(FILES[0], other)] == [to_json(each) for each in expected]
    assert len(other.answers) - known < 0.2 * len(own.answers)
    for key, answer in own.answers.items():
        line = tell_answer(key, answer)
        if line is not None and answer.outputs:
            assert tell_answer(*read_answer(other, line)) == line


@pytest.mark.parametrize(
    "question",
    [
        None,
        ["torch.load", True, [{"s": "weights.pt"}]],
        ["os.system", True, [{"s": "true"}]],
        ["torch.nn.functional.relu", 1, []],
        ["torch.nn.functional.relu", True, [{"t": [[-1], [1], "float32", 0, False]}]],
        ["torch.nn.functional.relu", True, [{"t": [[1 << 40], [1], "float32", 0, False]}]],
        ["torch.nn.functional.relu", True, [{"t": [[2], [1], "int64", 0, True]}]],
        ["torch.nn.functional.relu", True, [{"t": [[2], [1], "nn", 0, False]}]],
        ["torch.nn.functional.relu", True, [{"m": "__class__"}]],
        ["torch.nn.functional.relu", True, [{"n": "load"}]],
        ["torch.nn.functional.relu", True, [[[[]]]]],
    ],
)
def test_what_is_no_question_of_ours_is_not_put(question: Any) -> None:
    with pytest.raises(Unreadable):
        read_question(Memo(), question)


LIAR = """
import json
import os


def lie():
    part = {"t": [[7, 3], [3, 1], "float32", 0, False]}
    weight = {"t": [[5, 3], [3, 1], "float32", 0, True]}
    bias = {"t": [[5], [1], "float32", 0, True]}
    question = ["torch._C._nn.linear", True, [part, weight, bias]]
    wrong = [[{"t": [[7, 999], [999, 1], "float32", 0, True]}, None]]
    for lines in ([question], [[question, wrong, None, None, [], []]], 5, [None, {"a": [1]}]):
        body = json.dumps({"event": "asked", "questions": lines}).encode()
        for descriptor in range(3, 12):
            try:
                os.write(descriptor, len(body).to_bytes(4, "big") + body)
            except OSError:
                continue


"""


def test_user_code_cannot_tell_the_next_analysis_anything(tmp_path: Path) -> None:
    """A child may write to its pipe whatever it likes: what is known afterwards is what torch says."""
    liar, fine = tmp_path / "liar.py", tmp_path / "fine.py"
    liar.write_text(LIAR + HEALTHY.replace("        y = self", "        lie()\n        y = self"), encoding="utf-8")
    fine.write_text(HEALTHY, encoding="utf-8")
    own = Analyst("fork")
    try:
        for path in (liar, liar, fine, fine):
            found = [event.trace for event in own.analyse(path) if isinstance(event, Traced)]
            assert [value.dims for each in found for value in each.values if value.name == "y"] == [("B", 5)]
        assert own.starts == 1
    finally:
        own.stop()
