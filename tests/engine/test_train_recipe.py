"""What a recipe asks for happens: starts, rates, decay, freezing, losses, pruning, memory."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import nn

from pymodel import runs
from pymodel.recipe.names import LOSSES, OPTIMIZERS
from pymodel.schema import (
    AugmentationSettings,
    FineTuningSettings,
    InitialisationSettings,
    OptimizerSettings,
    PyModelError,
    ScheduleSettings,
)
from pymodel.train.augment import build_augmentation
from pymodel.train.batch import cut_batch
from pymodel.train.finetune import load_fitting
from pymodel.train.parameters import group_parameters, initialise
from pymodel.train.prepare import override_dropout
from pymodel.train.schedule import Schedule

from .trainings import FOLDER, losses_of, net_request, train, train_new, weights_of


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(10, 32)
        self.first = nn.Linear(32, 64)
        self.norm = nn.LayerNorm(64)
        self.conv = nn.Conv1d(64, 48, 3)
        self.head = nn.Linear(48, 5)


def test_the_names_are_torchs_own() -> None:
    optimizers = {
        name for name, each in vars(torch.optim).items() if isinstance(each, type) and name not in ("Optimizer",)
    }
    losses = {name for name in vars(nn) if name.endswith(("Loss", "Loss2d")) and name != "_Loss"}
    assert optimizers - set(OPTIMIZERS) == set()
    assert losses - set(LOSSES) - {"AdaptiveLogSoftmaxWithLoss"} == set()


@pytest.mark.parametrize(
    ("method", "deviation"),
    [
        ("xavier-uniform", math.sqrt(2 / (32 + 64))),
        ("xavier-normal", math.sqrt(2 / (32 + 64))),
        ("he-uniform", math.sqrt(2 / 32)),
        ("he-normal", math.sqrt(2 / 32)),
        ("orthogonal", 1 / 8),
        ("truncated-normal", 0.02 * 0.8796),  # cut at two deviations
    ],
)
def test_initialisation_draws_as_its_formula_says(method: str, deviation: float) -> None:
    torch.manual_seed(0)
    model = Block()
    head = model.head.weight.clone()
    assert initialise(model, InitialisationSettings(method, layers=("first", "norm"))) == 1  # type: ignore[arg-type]
    assert float(model.first.weight.std()) == pytest.approx(deviation, rel=0.08)
    assert not model.first.bias.any()
    assert model.norm.weight.eq(1).all()
    assert model.head.weight.equal(head)
    if method == "orthogonal":
        torch.testing.assert_close(model.first.weight.T @ model.first.weight, torch.eye(32))
    with pytest.raises(PyModelError, match=r"fist.*takes nothing"):
        initialise(model, InitialisationSettings("orthogonal", layers=("fist",)))


@pytest.mark.parametrize("name", ["step", "cosine", "one-cycle", "warm-restarts"])
def test_schedules_are_those_of_torch(name: str) -> None:
    per_epoch, epochs = 5, 6
    total = per_epoch * epochs

    def make() -> torch.optim.Optimizer:
        return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)

    settings = ScheduleSettings(name, step_epochs=2, factor=0.5, minimum=0.01, restart_epochs=1)  # type: ignore[arg-type]
    schedulers = torch.optim.lr_scheduler
    reference = make()
    theirs = {
        "step": lambda: schedulers.StepLR(reference, 2 * per_epoch, 0.5),
        "cosine": lambda: schedulers.CosineAnnealingLR(reference, total, 0.01),
        "one-cycle": lambda: schedulers.OneCycleLR(reference, 0.1, total_steps=total, cycle_momentum=False),
        "warm-restarts": lambda: schedulers.CosineAnnealingWarmRestarts(reference, per_epoch, 2, 0.01),
    }[name]()
    ours = Schedule(make(), settings, per_epoch, total, 0.1)
    for step in range(total):
        assert ours.set_rates(step) == pytest.approx(reference.param_groups[0]["lr"], rel=1e-6), step
        reference.step()
        theirs.step()


def test_warm_up_rises_to_the_rate_and_a_plateau_lowers_it() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    schedule = Schedule(optimizer, ScheduleSettings("plateau", warmup_steps=4, patience=1, factor=0.5), 5, 50, 0.1)
    assert [round(schedule.set_rates(step), 6) for step in range(6)] == [0.02, 0.04, 0.06, 0.08, 0.1, 0.1]
    rates = []
    for loss in (3.0, 2.0, 2.0, 2.5, 2.0, 2.0, 1.0):
        schedule.note_loss(loss)
        rates.append(schedule.set_rates(10))
    assert rates == [0.1, 0.1, 0.1, 0.05, 0.05, 0.025, 0.025]


def test_decay_leaves_out_what_it_should_and_rates_differ_by_depth() -> None:
    model = Block()
    settings = OptimizerSettings(learning_rate=1.0, weight_decay=0.1, no_decay=("bias", "norm", "embedding", "conv"))
    tuning = FineTuningSettings(layer_decay=0.5, rates={"head.*": 3.0})
    groups = group_parameters(model, settings, tuning)
    found = {
        name: (group["lr"], group["weight_decay"])
        for group in groups
        for name, parameter in model.named_parameters()
        if any(parameter is each for each in group["params"])
    }
    assert found["first.weight"] == (0.125, 0.1)
    assert found["head.weight"] == (3.0, 0.1)
    assert {name for name, (_, decay) in found.items() if decay} == {"first.weight", "head.weight"}
    assert found["embedding.weight"][0] == 0.0625


def test_what_does_not_fit_is_left_out_and_told_key_by_key() -> None:
    weights = {f"module.{name}": tensor for name, tensor in Block().state_dict().items()}
    weights["module.head.weight"] = torch.zeros(7, 48)
    weights["module.other.weight"] = torch.zeros(2)
    del weights["module.norm.weight"]
    model = Block()
    loaded = load_fitting(model, weights)
    assert model.first.weight.equal(weights["module.first.weight"])
    assert loaded.skipped == {
        "module.head.weight": "it is (7, 48) there, and (5, 48) in the model",
        "module.other.weight": "the model has no such parameter",
    }
    assert set(loaded.missing) == {"head.weight", "norm.weight"}
    part = nn.ModuleDict({"encoder": Block()})
    assert len(load_fitting(part, Block().state_dict()).loaded) == len(Block().state_dict())
    with pytest.raises(PyModelError, match="No key"):
        load_fitting(model, {"a": torch.zeros(1)})


def test_dropout_is_overridden_everywhere() -> None:
    model = nn.Sequential(nn.Dropout(0.1), nn.LSTM(2, 2, 2, dropout=0.1), nn.Sequential(nn.Dropout2d(0.7)))
    override_dropout(model, 0.4)
    assert [model[0].p, model[1].dropout, model[2][0].p] == [0.4, 0.4, 0.4]


def test_augmentation_changes_what_it_says_and_no_more() -> None:
    images = torch.rand(64, 3, 8, 8) + 0.1
    flipped = build_augmentation(AugmentationSettings(horizontal_flip=0.5))
    moved = build_augmentation(AugmentationSettings(shift=2))
    erased = build_augmentation(AugmentationSettings(erasing=1.0))
    assert flipped
    assert moved
    assert erased
    same = (flipped(images) == images).flatten(1).all(1)
    assert 10 < int(same.sum()) < 54
    assert flipped(images)[~same].shape[1:] == (3, 8, 8)
    assert int((erased(images) == 0).sum()) == 64 * 3 * 16
    one = moved(images)[0]
    assert any(
        torch.allclose(one[:, 2:-2, 2:-2], images[0].roll((down, right), (1, 2))[:, 2:-2, 2:-2])
        for down in range(-2, 3)
        for right in range(-2, 3)
    )
    assert build_augmentation(AugmentationSettings()) is None


@pytest.mark.parametrize("batch", [torch.arange(7), [torch.arange(7), ["a"] * 7], {"x": torch.arange(7), "n": 3}])
def test_a_batch_is_cut_into_parts_that_are_all_of_it(batch: object) -> None:
    parts = cut_batch(batch, 3)
    tensors = [
        part if isinstance(part, torch.Tensor) else next(iter(part.values() if isinstance(part, dict) else part))
        for part in parts
    ]
    assert [len(each) for each in tensors] == [2, 2, 3]
    assert torch.cat(tensors).equal(torch.arange(7))


@pytest.mark.parametrize(
    "settings",
    [
        *({"optimizer__name": name} for name in OPTIMIZERS if name not in ("SparseAdam", "Muon")),
        {"loss__name": "net.py::squared_distance"},
        {
            "loss__name": "CrossEntropyLoss",
            "loss__label_smoothing": 0.1,
            "loss__arguments": {"weight": [1.0, 1.0, 2.0]},
        },
        {"loss__label_smoothing": 0.1, "regularisation__l1": 1e-4, "regularisation__dropout": 0.1},
        {"optimizer__name": "SGD", "optimizer__arguments": {"momentum": 0.9}, "optimizer__clip_value": 0.1},
        {"optimizer__clip_norm": 0.5, "compute__accumulation": 3, "compute__precision": "float16"},
        {"initialisation__method": "orthogonal", "regularisation__ema": 0.95, "schedule__name": "one-cycle"},
        {"compute__checkpoint_layers": ["hidden", "first"], "compute__channels_last": True},
        {"augmentation__noise": 0.1, "augmentation__brightness": 0.2, "run__steps": 20},
        {"schedule__name": "plateau", "schedule__patience": 0, "fine_tuning__layer_decay": 0.7},
        {"data__source": "random", "data__items": 64},
        {"compute__find_batch_size": True, "model__target": "net.py::Greedy"},
    ],
    ids=str,
)
def test_it_learns(tmp_path: Path, settings: dict[str, object]) -> None:
    request = net_request(**({"run__epochs": 4} | settings))
    if settings.get("data__source") == "random":
        request = type(request)(request.recipe, request.folder, None, ("x=(B, 6)",))
    folder = runs.create_run(tmp_path, request)
    run = train(folder)
    assert run.state == "completed", run.error
    losses = [float(each) for each in losses_of(folder)]  # type: ignore[arg-type]
    assert len(losses) == run.last_step
    assert all(map(math.isfinite, losses))
    if "source" not in str(settings) and settings.get("optimizer__name") not in (
        "ASGD",
        "Adadelta",
        "Adafactor",
        "SGD",
    ):
        assert sum(losses[-5:]) < sum(losses[:5])
    if settings.get("run__steps"):
        assert run.last_step == 20


def test_a_batch_that_is_accumulated_is_the_same_batch(tmp_path: Path) -> None:
    plain = {"model__target": "net.py::Plain", "optimizer__name": "SGD"}
    whole, parts = train_new(tmp_path, **plain), train_new(tmp_path, **plain, compute__accumulation=4)
    assert losses_of(parts) == pytest.approx(losses_of(whole), rel=1e-5)


def test_memory_that_is_not_enough_is_told_by_module_and_done_with_less(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = {"model__target": "net.py::Greedy", "optimizer__name": "SGD"}
    folder = train_new(tmp_path, **settings)
    run = runs.read_run(folder)
    assert run.state == "completed"
    text = capfd.readouterr().err
    assert "out of memory at a batch of 8" in text
    assert "of weights, gradients and optimizer state" in text
    assert "hidden:" in text
    assert "going on with batches of 4, 2 of them a step" in text
    whole = train_new(tmp_path, model__target="net.py::Plain", optimizer__name="SGD")
    assert losses_of(folder) == pytest.approx(losses_of(whole), rel=1e-5)
    refused = runs.read_run(train_new(tmp_path, **settings, compute__smaller_batches=False))
    assert refused.state == "failed"
    assert refused.error is not None
    assert "memory was not enough" in refused.error.message


def test_frozen_layers_stay_and_thaw_from_the_last(tmp_path: Path) -> None:
    start = weights_of(train_new(tmp_path, fine_tuning__freeze=["first", "hidden"], run__steps=1))
    folder = train_new(tmp_path, fine_tuning__freeze=["first", "hidden"])
    assert weights_of(folder)["first.weight"].equal(start["first.weight"])
    assert not weights_of(folder)["head.weight"].equal(start["head.weight"])
    folder = train_new(tmp_path, fine_tuning__freeze=["first", "hidden"], fine_tuning__unfreeze_every=2)
    assert weights_of(folder)["first.weight"].equal(start["first.weight"])
    assert not weights_of(folder)["hidden.weight"].equal(start["hidden.weight"])
    nothing = runs.read_run(train_new(tmp_path, fine_tuning__freeze=["*"]))
    assert nothing.error is not None
    assert "no parameter to train" in nothing.error.message


def test_it_ends_early_and_prunes_what_it_says(tmp_path: Path) -> None:
    folder = train_new(tmp_path, run__epochs=300, regularisation__early_stopping=2, pruning__amount=0.5)
    run = runs.read_run(folder)
    assert run.state == "completed"
    assert 2 < run.epoch < 300
    pruned, best = weights_of(folder, "pruned"), weights_of(folder, "best")
    assert pruned.keys() == best.keys()
    linear = [name for name in pruned if name.endswith("weight") and "norm" not in name]
    zeros = sum(int((pruned[name] == 0).sum()) for name in linear)
    assert zeros == round(sum(pruned[name].numel() for name in linear) / 2)
    assert 0.4 < float(run.metrics["last"]["pruned/weights"]) < 0.7
    assert "pruned/accuracy" in run.metrics["last"]


def test_the_second_recipe_names_the_first(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "first.recipe.toml").write_text(
        f'[model]\ntarget = "{FOLDER / "net.py"}::Net"\n[data]\nsource = "{FOLDER / "data.py"}::three_classes"\n'
    )
    tuned = {"model__target": "net.py::OtherHead", "fine_tuning__start_from": str(tmp_path / "first.recipe.toml")}
    early = runs.read_run(train_new(tmp_path / "runs", **tuned))
    assert early.error is not None
    assert "has no finished run yet" in early.error.message
    request = net_request()
    request = type(request)(request.recipe, request.folder, str(tmp_path / "first.recipe.toml"))
    first = runs.create_run(runs.find_runs_root(str(tmp_path)), request)
    train(first)
    folder = train_new(tmp_path / "runs", **tuned, fine_tuning__freeze=["first", "norm", "hidden"], run__epochs=1)
    assert weights_of(folder)["hidden.weight"].equal(weights_of(first, "best")["hidden.weight"])
    assert "left out: head.weight: it is (3, 16) there, and (5, 16) in the model" in capfd.readouterr().err
