"""Models of scripts: what is known of them only where the script runs, what is handed over, what a failure asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from .test_resolve import FIXTURES, dims, solve

CONV = "__import__('torch').nn.Conv2d(16, 16, 3, padding=1)"
LINEAR = "__import__('torch').nn.Linear(64, 64)"


@pytest.mark.parametrize(
    ("name", "inputs"),
    [
        ("FromBranch", [("B", 1, 32, 32)]),
        ("FromGuard", [("B", 21)]),
        ("FromFunction", [("B", 37)]),
        ("FromChain", [("B", 19)]),
    ],
)
def test_a_global_is_what_the_script_sets_it_to(name: str, inputs: list[object]) -> None:
    found = solve(FIXTURES / "script" / "late.py", name)
    assert found.verified, found.attempts
    assert dims(found) == inputs


def test_what_a_script_gives_up_on_is_left_out() -> None:
    found = solve(FIXTURES / "script" / "guarded.py", "Net")
    assert found.verified, found.attempts
    assert dims(found) == [("B", 23)]


def test_settings_are_the_defaults_of_the_scripts_own_parser() -> None:
    """What it sets later on is set, unless that is only for a case that is not the default; the rest is guessed."""
    found = solve(FIXTURES / "script" / "model.py", "Forecaster")
    assert found.verified, found.attempts
    source = found.construction.source
    assert (found.construction.expression, source.kind, Path(source.path or "").name) == (
        "Forecaster(args)",
        "search",
        "run.py",
    )
    assert found.construction.prelude[-4:] == (
        "args.n_cells = args.n_layers",
        "if args.bidirectional:\n    args.n_cells *= 2",
        "args.kind = 'convolving'",
        "args.n_words = 100",
    )
    assert dims(found) == [("steps", "B", 11)]


def test_a_model_that_is_cast_is_cast() -> None:
    found = solve(FIXTURES / "script" / "model.py", "Doubled")
    assert found.verified, found.attempts
    assert found.construction.expression == "Doubled().double()"


@pytest.mark.parametrize(
    ("name", "expression", "inputs"),
    [
        ("LowRank", f"LowRank(linear={LINEAR}, rank=16)", [("B", 64)]),
        ("Merged", f"Merged(layer={CONV})", [("B", 16, 32, 32)]),
        ("Tagger", "Tagger(backbone=Backbone(), n_tags=100)", [("B", "T")]),
        (
            "Translator",
            "Translator(encoder=Encoder(vocab_size=1000), decoder=Decoder(vocab_size=1000), device='cpu')",
            [("B", "T"), ("B", "T")],
        ),
    ],
)
def test_what_is_handed_over_is_told_by_its_use(name: str, expression: str, inputs: list[object]) -> None:
    found = solve(FIXTURES / "handed" / "net.py", name)
    assert found.verified, found.attempts
    assert found.construction.expression == expression
    assert dims(found) == inputs


def test_a_setting_is_what_its_use_allows() -> None:
    """None where it is asked if it is there, off where it is only asked for, a list where it is gone through."""
    found = solve(FIXTURES / "settings_used.py", "TextCNN")
    assert found.verified, found.attempts
    for setting in ("pretrained_vectors=None", "spectral=False", "filter_sizes=[16, 32]", "n_vocab=1000"):
        assert setting in found.construction.expression


@pytest.mark.parametrize(
    ("name", "inputs"),
    [
        ("Conditional", [("B", 30), ("B", 6)]),
        ("Joined", [("B", 26), ("B", 24), ("B", 24)]),
        ("Rotary", [("B", "length", 32), ("length", 8)]),
        ("Masked", [("B", "T", 64), ("B", "T", 64), ("B", "T", 64), ("T", "T")]),
        ("Stepper", [("B", "T"), (2, "B", 20), (2, "B", 20)]),
        ("Painted", [("B", 3, 32, 32), ("B", 10)]),
    ],
)
def test_a_failure_says_what_an_argument_should_have_been(name: str, inputs: list[object]) -> None:
    found = solve(FIXTURES / "asked.py", name)
    assert found.verified, found.attempts
    assert dims(found) == inputs
