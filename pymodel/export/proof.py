"""Proof that a file computes what the model does: both run, at the sizes and seeds of each case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ..schema import Dims, to_json
from .cases import Case
from .compare import Difference, OutputError, Tolerance, compare, worst
from .divergence import Divergence, find_divergence
from .inputs import Inputs, Signature, Values, to_device
from .lines import Line, Lines
from .program import flatten_tensors

INFINITE = float("inf")


class File(Protocol):
    """An exported file that can be run."""

    def run(self, values: Values) -> list[Tensor]: ...

    def run_all(self, values: Values) -> dict[Line, list[Tensor]]: ...


@dataclass(frozen=True)
class Subject:
    """The model that files are compared with, and how it is fed."""

    model: nn.Module
    signature: Signature
    inputs: Inputs
    cases: tuple[Case, ...]
    lines: Lines
    device: torch.device

    def make(self, case: Case) -> Values:
        return to_device(self.inputs.make(case.sizes, case.seed), self.device)

    def run(self, values: Values) -> list[Tensor]:
        torch.manual_seed(0)
        with torch.no_grad():
            return [each.cpu() for each in flatten_tensors(self.signature.call(self.model, values))]


@dataclass(frozen=True)
class Observation:
    """What one case showed. `fault` is why the file did not run, in words; `shapes` are those that the model gave."""

    case: Case
    differences: tuple[Difference, ...]
    shapes: tuple[tuple[int, ...], ...]
    fault: str | None = None

    @property
    def equal(self) -> bool:
        return self.fault is None and all(each.equal for each in self.differences)


@dataclass(frozen=True)
class Proof:
    """What all cases showed. `refused` are sizes that the model itself does not take, with its words; `unmoved` are
    outputs that were the same for other values of the inputs: their equality says little."""

    outputs: tuple[OutputError, ...]
    observations: tuple[Observation, ...]
    refused: tuple[str, ...]
    first_divergence: Divergence | None
    unmoved: tuple[str, ...] = ()

    @property
    def verified(self) -> bool:
        return bool(self.observations) and all(each.equal for each in self.observations)

    @property
    def failure(self) -> Observation | None:
        return next((each for each in self.observations if not each.equal), None)

    @property
    def sizes(self) -> list[dict[str, int]]:
        sizes: list[dict[str, int]] = []
        for each in self.observations:
            if each.case.sizes not in sizes:
                sizes.append(each.case.sizes)
        return sizes

    def with_dims(self, dims: Sequence[Dims]) -> Proof:
        return replace(self, outputs=tuple(replace(a, dims=b) for a, b in zip(self.outputs, dims, strict=False)))


def prove(
    subject: Subject, file: File, names: Sequence[str], dims: Sequence[Dims], tolerance: Tolerance | None = None
) -> Proof:
    """Compare a file with the model in each case. At the first that differs all intermediate values are compared.

    Raises:
        Exception: what the model raises in the first case; in the others it only refuses the size.
    """
    observations: list[Observation] = []
    refused: list[str] = []
    given: list[Sequence[Tensor]] = []
    for number, case in enumerate(subject.cases):
        values = subject.make(case)
        try:
            expected = subject.run(values)
        except Exception as error:
            if number == 0:
                raise
            refused.append(f"{case}: {type(error).__name__}: {' '.join(str(error).split())[:200]}")
            continue
        observations.append(_observe(case, expected, file, values, tolerance))
        if case.sizes == subject.cases[0].sizes:
            given.append(expected)
    failure = next((each for each in observations if not each.equal), None)
    divergence = None if failure is None else locate(subject, file, failure, tolerance)
    outputs = tuple(
        worst(name, dims[index] if index < len(dims) else (), [each.differences[index] for each in ran])
        for index, name in enumerate(names)
        if (ran := [each for each in observations if index < len(each.differences)])
    )
    return Proof(outputs, tuple(observations), tuple(refused), divergence, _find_unmoved(names, given))


def _find_unmoved(names: Sequence[str], given: Sequence[Sequence[Tensor]]) -> tuple[str, ...]:
    """The outputs that were equal in all of several runs of the model with other values."""
    if len(given) < 2:
        return ()
    first, *others = given
    return tuple(
        name
        for index, name in enumerate(names)
        if index < len(first) and all(compare(first[index], each[index]).equal for each in others)
    )


def _observe(
    case: Case, expected: Sequence[Tensor], file: File, values: Values, tolerance: Tolerance | None
) -> Observation:
    shapes = tuple(tuple(each.shape) for each in expected)
    try:
        got = file.run(values)
    except Exception as error:  # onnxruntime and torch have errors of their own
        return Observation(case, (), shapes, f"the file does not run: {' '.join(str(error).split())[:300]}")
    if len(got) != len(expected):
        return Observation(case, (), shapes, f"the file gives {len(got)} tensors, and the model {len(expected)}")
    found = tuple(compare(one, other.cpu(), tolerance) for one, other in zip(expected, got, strict=True))
    return Observation(case, found, shapes)


def locate(subject: Subject, file: File, failure: Observation, tolerance: Tolerance | None) -> Divergence | None:
    """The first line that differs in a case that failed."""
    values = subject.make(failure.case)
    try:
        computed = file.run_all(values)
    except Exception as error:  # the file does not run at this size: its error may name the node
        return _locate_error(subject, file, error)
    torch.manual_seed(0)
    found = find_divergence(subject.model, subject.signature, values, computed, subject.lines, tolerance)
    return found or _locate_output(subject, computed)


def _locate_error(subject: Subject, file: Any, error: Exception) -> Divergence | None:
    line = file.line_of_error(error) if hasattr(file, "line_of_error") else None
    if line is None:
        return None
    place = subject.lines.expand(line)
    return Divergence(place.path, place.line, "the file computes this for other sizes only")


def _locate_output(subject: Subject, computed: dict[Line, list[Tensor]]) -> Divergence | None:
    """The last line of what the file computes, where no value before the outputs differs."""
    if not computed:
        return None
    place = subject.lines.expand(list(computed)[-1])
    return Divergence(place.path, place.line, "every value up to here is equal, and the output is not")


def describe(proof: Proof) -> dict[str, object]:
    """A proof in JSON."""
    found = proof.first_divergence
    return {
        "verified": proof.verified,
        "sizes": proof.sizes,
        "seeds": [each.case.seed for each in proof.observations],
        "outputs": to_json(proof.outputs),
        "refused": list(proof.refused),
        "first_divergence": None if found is None else {"path": found.path, "line": found.line},
        "difference": _describe_difference(proof),
    }


def _describe_difference(proof: Proof) -> str | None:
    """What differs, in words."""
    if proof.failure is None:
        return None
    parts = (proof.first_divergence and proof.first_divergence.what, proof.failure.fault)
    return "; ".join(each for each in parts if each) or f"the outputs differ at {proof.failure.case}"
