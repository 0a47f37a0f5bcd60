"""One small project for each way in which code says how its models are made and fed."""

from __future__ import annotations

from pathlib import Path

import pytest

from .test_resolve import FIXTURES, dims, solve

TANH = "torch.nn.GELU(approximate='tanh')"


@pytest.mark.parametrize(
    ("file", "name", "expression", "source", "where", "inputs"),
    [
        ("yaml/net.py", "Tagger", "Tagger(config['model'])", "config", ("settings.yaml", 5), [("B", "T")]),
        ("yaml/net.py", "Scorer", "Scorer(config.scorer)", "config", ("settings.yaml", 10), [("B", 19)]),
        ("yaml/net.py", "Plain", "Plain(n_inputs=33, n_outputs=2)", "config", ("settings.yaml", 14), [("B", 33)]),
        ("json/net.py", "Net", "Net(config['net'])", "config", ("options.json", 1), [("B", 6, "T")]),
        ("toml/net.py", "Net", "Net(config)", "config", ("settings.toml", 1), [("B", 27)]),
        (
            *("hydra/net.py", "Encoder", f"Encoder(width=44, depth=3, activation={TANH})"),
            *("config", ("encoder.yaml", 3), [("B", 44)]),
        ),
        ("hydra/net.py", "Composed", "Composed(config)", "config", ("train.yaml", 1), [("B", 52)]),
        ("pydantic/net.py", "Net", "Net(Settings())", "config", ("net.py", 9), [("B", 23)]),
        (
            *("tyro/net.py", "Net", "Net(arguments.model.channels, width=arguments.model.width)"),
            *("call-site", ("net.py", 30), [("B", 5, 32, 32)]),
        ),
        ("absl/net.py", "Net", "Net(FLAGS.inputs, FLAGS.width)", "call-site", ("net.py", 19), [("B", 29)]),
        (
            *("registry/net.py", "Backbone", "Backbone(depth=4, in_channels=2)"),
            *("config", ("settings.py", 3), [("B", 2, 32, 32)]),
        ),
        ("registry/net.py", "Head", "Head(inputs=39, classes=6)", "config", ("settings.py", 4), [("B", 39)]),
        ("hugging_face/net.py", "TinyModel", "TinyModel(TinyConfig())", "config", ("net.py", 6), [("B", "T")]),
        ("hugging_face/net.py", "TinyLayer", "TinyLayer(TinyConfig())", "config", ("net.py", 6), [("B", "T", 20)]),
        ("click/net.py", "Net", "Net(n_inputs)", "call-site", ("net.py", 17), [("B", 31)]),
        (
            *("notebook/net.py", "Net", "Net(sizes, gain=2.0)", "call-site", ("demo.ipynb", 22)),
            [("B", 9, 14), (9, 1)],
        ),
        (
            *("factory/net.py", "create_model", "create_model('narrow')"),
            *("call-site", ("net.py", 19), [("B", 26)]),
        ),
        ("factory/net.py", "model", "model", "attribute", ("net.py", 19), [("B", 26)]),
        ("lightning/net.py", "Lit", "Lit()", "default", ("net.py", 6), [("B", 4, 50)]),
    ],
)
def test_solved_from_what_the_project_says(
    file: str, name: str, expression: str, source: str, where: tuple[str, int], inputs: list[object]
) -> None:
    found = solve(FIXTURES / file, name)
    assert found.verified, found.attempts
    assert (found.construction.expression, found.construction.source.kind) == (expression, source)
    assert (Path(found.construction.source.path or "").name, found.construction.source.line) == where
    assert dims(found) == inputs


def test_a_block_is_known_through_a_model_of_another_file() -> None:
    found = solve(FIXTURES / "parent/blocks.py", "Mixer")
    assert found.construction.expression == "Patches().get_submodule('blocks.0')"
    assert found.construction.prelude == ("from model import Patches",)
    assert (found.construction.source.kind, found.inputs[0].source.kind) == ("parent", "parent")
    assert dims(found)[:2] == [("B", 16, 24), ("B", 1, 1)]
    assert type(found.make()).__name__ == "Mixer"


def test_a_loader_tells_what_a_batch_is() -> None:
    found = solve(FIXTURES / "loader/net.py", "Net")
    (batch,) = found.inputs
    assert found.verified
    assert batch.source.kind == "call-site"
    assert getattr(batch.spec, "keys", ()) == ("'image'", "'sparse'")
    assert [each.dims for each in batch.spec.items] == [("B", 2, 18, 22), ("B", "T")]  # type: ignore[union-attr]


def test_a_loader_is_followed_through_a_function() -> None:
    found = solve(FIXTURES / "loader/net.py", "Table")
    assert (dims(found), found.inputs[0].source.kind) == ([("B", 37)], "call-site")


def test_a_batch_of_names_is_handed_over_with_its_labels() -> None:
    """`model(**batch)`, where `forward` can do without each of its arguments."""
    found = solve(FIXTURES / "loader/batches.py", "Classifier")
    assert found.verified, found.attempts
    assert [(each.name, each.by, each.source.kind) for each in found.inputs] == [
        (name, "keyword", "call-site") for name in ("input_ids", "attention_mask", "labels")
    ]
    assert dims(found) == [("B", "T"), ("B", "T"), ("B",)]
