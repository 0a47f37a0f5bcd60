"""Tensors on different devices that meet: what code asked for is followed, on machines without a GPU too."""

from __future__ import annotations

from collections.abc import Iterable

from ..schema import Diagnostic, Location, Related, Severity
from ..trace.assemble import MixAt
from ..trace.devices import HOME, UNNAMED, shown
from ..trace.places import Places


def explain_mixes(mixes: Iterable[MixAt], places: Places) -> list[Diagnostic]:
    """A diagnostic for each place that makes a tensor on another device, where that first meets those of the model."""
    found: list[Diagnostic] = []
    told: set[tuple[Location, ...]] = set()
    for mix in mixes:
        made = tuple(
            at for device, at in zip(mix.devices, mix.made_at, strict=True) if at is not None and device != HOME
        )
        explained = explain_mix(mix, places)
        if explained is not None and (not made or made not in told):
            told.add(made)
            found.append(explained)
    return found


def explain_mix(mix: MixAt, places: Places) -> Diagnostic | None:
    """A diagnostic on the operation where they meet; None where it may well be that they are on one device."""
    place = mix.location
    if place is None:
        return None
    kinds = set(mix.devices)
    made = dict(zip(mix.devices, mix.made_at, strict=True))
    severity: Severity
    if HOME in kinds and mix.home == HOME:
        other = (kinds - {HOME}).pop()
        named = made[other]
        if other == UNNAMED:
            severity, words = "hint", _stays_behind(made[UNNAMED])
        elif named is not None and other in _text(named, places):
            severity = "warning"
            words = (
                f"a tensor of the model meets one here that is sent to {other}: this runs only while the model is on "
                f"{other}. Take the device of the other tensor: `device=x.device`."
            )
        else:
            return None  # a setting names it, which may well be where the model is
    else:
        first, second = (shown(device, mix.home) for device in mix.devices)
        if first == second:
            return None
        severity = "error"
        words = f"`{mix.function}` takes tensors of one device, but the first is on {first} and the other on {second}."
    related = tuple(
        Related(at.path, at.start, at.end, f"this is on {shown(device, mix.home or 'the device of the model')}")
        for device, at in made.items()
        if at is not None
    )
    return Diagnostic("device-mix", severity, words, place.path, place.start, place.end, related)


def _stays_behind(made_at: Location | None) -> str:
    if made_at is None:
        return (
            "a tensor of the model meets one here that stays on the CPU when the model is moved, as it is a plain "
            "tensor: `self.register_buffer` lets it follow."
        )
    return (
        "a tensor of the model meets one here that is made on the CPU, wherever the model is: on a GPU this fails. "
        "Give it the device of the other tensor where it is made: `device=x.device`."
    )


def _text(place: Location, places: Places) -> str:
    return " ".join(places.line(place.path, number) for number in range(place.start.line, place.end.line + 1))
