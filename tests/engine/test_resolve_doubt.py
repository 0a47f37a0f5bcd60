"""What stops on inputs that nobody stated: an error where the model is at fault in any case, else a hint."""

from __future__ import annotations

import pytest

from pymodel.schema import Trace, Traced

from .analyst import Analyst
from .test_resolve import FIXTURES

FILE = FIXTURES / "doubt.py"


def trace_of(zygote: Analyst, name: str, text: str | None = None) -> Trace:
    documents = {str(FILE): text} if text is not None else {}
    said = zygote.analyse(FILE, targets=(f"{FILE}::{name}",), documents=documents)
    (trace,) = (event.trace for event in said if isinstance(event, Traced))
    return trace


@pytest.mark.parametrize(("name", "text"), [("TwoLayers", "self.head("), ("TwoConvolutions", "self.second(")])
def test_a_fault_that_no_input_mends_is_an_error(zygote: Analyst, name: str, text: str) -> None:
    trace = trace_of(zygote, name)
    (fault,) = trace.diagnostics
    assert fault.severity == "error"
    assert text in FILE.read_text().splitlines()[fault.start.line - 1]
    assert not any(value.assumed for value in trace.values)


@pytest.mark.parametrize("name", ["Unguessable", "UnknownObject"])
def test_where_the_guess_may_be_at_fault_all_is_assumed_and_said_in_a_hint(zygote: Analyst, name: str) -> None:
    trace = trace_of(zygote, name)
    (hint,) = trace.diagnostics
    assert (hint.code, hint.severity) == ("no-input", "hint")
    assert f"# pymodel: {name}()" in hint.message
    assert f"class {name}" in FILE.read_text().splitlines()[hint.start.line - 1]
    assert [each.message.partition(":")[0] for each in hint.related] == ["The guess stops here"]
    assert all(value.assumed for value in trace.values)


def test_what_a_stated_input_meets_is_an_error(zygote: Analyst) -> None:
    text = FILE.read_text().replace(
        "class Unguessable(nn.Module):", "class Unguessable(nn.Module):  # pymodel: Unguessable(), x=(B, 32)"
    )
    (fault,) = trace_of(zygote, "Unguessable", text).diagnostics
    assert fault.severity == "error"
    assert "nobody guesses" in fault.message


def test_a_construction_that_was_only_guessed_accuses_no_line(zygote: Analyst) -> None:
    trace = trace_of(zygote, "UnknownTable")
    assert trace.status == "failed"
    assert [each.severity for each in trace.diagnostics] == ["hint"]
    assert "# pymodel: UnknownTable(…)" in trace.diagnostics[0].message
