"""Whatever the memo answers is what torch would have said: the same document with it and without, cold and warm."""

from __future__ import annotations

from pathlib import Path

import pytest

from pymodel.schema import Analyse, Trace, Traced, to_json
from pymodel.trace.memo import Memo
from pymodel.worker.analyse import analyse

from .fresh_imports import fresh_imports as fresh_imports

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
FILES = [
    FIXTURES / "memo" / "kinds.py",
    *sorted((FIXTURES / "models").glob("*.py")),
    *(FIXTURES / "resolve" / name for name in ("unet.py", "vision.py", "broken.py")),
]


def trace(path: Path, memo: Memo | None, mode: str = "eval") -> list[Trace]:
    events: list[Traced] = []
    request = Analyse(1, str(path), roots=(str(path.parent),), mode=mode)  # type: ignore[arg-type]
    analyse(request, lambda event: events.append(event) if isinstance(event, Traced) else None, get_memo=lambda: memo)
    return [event.trace for event in events]


@pytest.mark.usefixtures("fresh_imports")
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
