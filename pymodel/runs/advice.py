"""What a run's curves say of it, and what to try: computed from the curves alone, each finding with the steps that show
it. Where a curve is too short or too noisy to tell, nothing is said."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Literal

from ..schema import LayerFinding
from .layers import find_ailing_layers
from .metrics import Curve, read_curves

Kind = Literal["divergence", "under-fitting", "over-fitting", "plateau", "dead units"]

TRAIN_LOSS = "train/loss"
HELD_OUT_LOSS = re.compile(r"(?<![a-z])(validation|valid|val|eval|dev)[/_ -]?loss$", re.IGNORECASE)
WINDOWS = 10
"""A curve is judged by the medians of so many equal parts, so that single steps do not count."""
FEWEST = 5
"""Points that a window needs."""
EVALUATIONS_AFTER_BEST = 3


@dataclass(frozen=True)
class Advice:
    """A finding. From `first_step` to `last_step` the curve of `metric` shows it."""

    kind: Kind
    metric: str
    first_step: int
    last_step: int
    words: str
    suggestions: tuple[str, ...]


@dataclass(frozen=True)
class Window:
    first_step: int
    last_step: int
    value: float
    """The median."""
    spread: float
    """The median distance from it."""


def advise(curves: Mapping[str, Curve], layers: Iterable[LayerFinding] = ()) -> list[Advice]:
    """Everything that is found, the most urgent first. `layers` are the modules that do not learn."""
    loss = curves.get(TRAIN_LOSS, [])
    held_out = next((name for name in curves if HELD_OUT_LOSS.search(name)), None)
    found = next((advice for rule in OF_THE_LOSS if (advice := rule(loss)) is not None), None)
    over = find_over_fitting(loss, curves[held_out], held_out) if held_out is not None else None
    return [each for each in (found, over, find_dead_units(layers)) if each is not None]


def advise_run(folder: Path) -> list[Advice]:
    """What is found of the run in `folder`, as far as it is written."""
    return advise(read_curves(folder), find_ailing_layers(folder))


def find_divergence(loss: Curve) -> Advice | None:
    """The loss is no number, or has left its lowest level for one above where it began."""
    suggestions = (
        "a lower `optimizer.learning_rate`, such as a tenth",
        "`optimizer.clip_norm = 1.0`",
        "`schedule.warmup_steps`, so that the rate rises slowly",
    )
    bad = next((step for step, value in loss if not math.isfinite(value)), None)
    if bad is not None:
        words = f"The loss is not a finite number since step {bad}."
        return Advice("divergence", TRAIN_LOSS, bad, loss[-1][0], words, suggestions)
    parts = split(loss)
    if not parts:
        return None
    lowest, last = min(parts, key=lambda part: part.value), parts[-1]
    rise = last.value - lowest.value
    if last.value <= parts[0].value or rise <= max(abs(lowest.value) / 2, 4 * (lowest.spread + last.spread)):
        return None
    words = f"The loss rose from {lowest.value:.4g} to {last.value:.4g}, above the {parts[0].value:.4g} it began with."
    return Advice("divergence", TRAIN_LOSS, lowest.last_step, last.last_step, words, suggestions)


def find_under_fitting(loss: Curve) -> Advice | None:
    """The loss has hardly fallen in all of the run."""
    parts = split(loss)
    if not parts or parts[0].value <= 0:
        return None
    first, last = parts[0], parts[-1]
    if first.value - min(part.value for part in parts) > first.value / 10:
        return None
    words = f"The loss has hardly fallen: {first.value:.4g} in the first tenth, {last.value:.4g} in the last."
    suggestions = (
        "another `optimizer.learning_rate`: ten times more, then ten times less",
        "a wider or deeper model",
        "less regularisation: `optimizer.weight_decay`, `regularisation.dropout`",
        "a look at the labels: the model may see nothing that tells them apart",
    )
    return Advice("under-fitting", TRAIN_LOSS, first.first_step, last.last_step, words, suggestions)


def find_plateau(loss: Curve) -> Advice | None:
    """The loss fell, and stands still since, well above zero."""
    parts = split(loss)
    if not parts:
        return None
    first, last = parts[0].value, parts[-1].value
    fall = first - min(part.value for part in parts)
    if fall <= 0 or 0 <= last < first / 20:
        return None
    start = len(parts) - 1
    while start > 0 and abs(parts[start - 1].value - last) <= fall / 50:
        start -= 1
    if len(parts) - start < WINDOWS // 2:
        return None
    words = f"The loss stands at about {last:.4g} since step {parts[start].first_step}."
    suggestions = (
        'a rate that falls: `schedule.name = "cosine"` or `"plateau"`',
        "`regularisation.early_stopping`, to save the time",
        "a larger model, if the loss should be lower than this",
    )
    return Advice("plateau", TRAIN_LOSS, parts[start].first_step, parts[-1].last_step, words, suggestions)


def find_over_fitting(loss: Curve, held_out: Curve, name: str) -> Advice | None:
    """What was held out gets worse since its best evaluation, while the training loss goes on falling."""
    held_out = [point for point in held_out if math.isfinite(point[1])]
    if len(held_out) <= EVALUATIONS_AFTER_BEST:
        return None
    at = min(range(len(held_out)), key=lambda index: held_out[index][1])
    (best_step, best), after = held_out[at], held_out[at + 1 :]
    if len(after) < EVALUATIONS_AFTER_BEST or min(value for _, value in after[-2:]) - best <= _noise(held_out, best):
        return None
    before = [value for step, value in loss if step <= best_step and math.isfinite(value)]
    since = [value for step, value in loss if step > best_step and math.isfinite(value)]
    if not before or not since or median(since[-len(since) // 2 :]) >= median(before[-max(1, len(before) // 4) :]):
        return None
    words = (
        f"{name} was best at step {best_step} ({best:.4g}) and is {held_out[-1][1]:.4g} now; the training loss falls."
    )
    suggestions = (
        "`regularisation.early_stopping = 3`: the best checkpoint is kept in any case",
        "more `optimizer.weight_decay`, or `regularisation.dropout`",
        "`augmentation`, or more data",
        "a smaller model",
    )
    return Advice("over-fitting", name, best_step, held_out[-1][0], words, suggestions)


def find_dead_units(layers: Iterable[LayerFinding]) -> Advice | None:
    """Modules of which the monitor has found that they are dead."""
    dead = [each for each in layers if each.state == "dead"]
    if not dead:
        return None
    steps = [each.step for each in dead]
    names = ", ".join(each.module or "the model" for each in dead)
    suggestions = (
        "a lower `optimizer.learning_rate`",
        "LeakyReLU or GELU in place of ReLU",
        '`initialisation.method = "he-normal"` and a normalisation before the activation',
    )
    return Advice("dead units", "layers", min(steps), max(steps), f"These modules are dead: {names}.", suggestions)


OF_THE_LOSS: tuple[Callable[[Curve], Advice | None], ...] = (find_divergence, find_under_fitting, find_plateau)
"""At most one of them holds of a curve: the first that does."""


def split(curve: Curve) -> list[Window]:
    """The curve in equal windows; none where it is too short for them."""
    if len(curve) < WINDOWS * FEWEST:
        return []
    bounds = [len(curve) * index // WINDOWS for index in range(WINDOWS + 1)]
    return [_window(curve[start:end]) for start, end in pairwise(bounds)]


def _window(points: Curve) -> Window:
    middle = median(value for _, value in points)
    spread = median(abs(value - middle) for _, value in points)
    return Window(points[0][0], points[-1][0], middle, spread)


def _noise(curve: Curve, best: float) -> float:
    """How much worse is not yet worse: a twentieth of the best, or half of what two evaluations in a row differ by."""
    differences = [abs(after - before) for (_, before), (_, after) in pairwise(curve)]
    return max(abs(best) / 20, median(differences) / 2)
