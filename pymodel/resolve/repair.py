"""Other inputs to try, told by how inputs failed: the operands of the failing operation say which size should be what.

Every tensor of a candidate is made with sizes that tell its dims apart, so that a size in an error leads back to one.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..discover.pins import Spec, TensorSpec
from ..schema import Dim, Source
from .blame import dividend_of, divisor_of, failed_checks
from .complaints import (
    divisor_complaints,
    dtype_complaint,
    rank_complaints,
    size_complaints,
    too_small,
    view_complaint,
)
from .inputs import Inputs
from .specs import Place, replaced, sizes_of, tensors_in
from .trial import Failure

MAX_PAIRS = 8
BESIDE = (0, 1, 2)
"""A row that is made of a tensor's sizes may hold so many numbers from elsewhere: `cat([x.flatten(1), age], 1)`."""
LARGER = (2, 4, 8, 32)
LEAST_SIDE = 16
FLAT = frozenset(("linear", "matmul", "addmm", "mm"))
"""Functions that take rows of features."""
LARGEST = 1 << 16
"""No dim of an input is made larger than this."""
Change = tuple["Slot", TensorSpec]


@dataclass(frozen=True)
class Slot:
    """One tensor of a candidate: where it stands, and its sizes in the trial that failed."""

    argument: int
    place: Place
    spec: TensorSpec
    sizes: tuple[int, ...]

    def with_dim(self, *changes: tuple[int, Dim]) -> Change:
        dims = list(self.spec.dims)
        for at, dim in changes:
            dims[at] = dim
        return self, dataclasses.replace(self.spec, dims=tuple(dims))


def repairs(inputs: Inputs, binding: Mapping[str, int], failure: Failure) -> Iterator[Inputs]:
    """Candidates that answer a failure, likely ones first."""
    slots = [
        Slot(number, place, spec, tuple(sizes_of(spec, binding)))
        for number, each in enumerate(inputs)
        for place, spec in tensors_in(each.spec)
    ]
    for changes in _changes(slots, binding, failure):
        yield _apply(inputs, changes)


def _apply(inputs: Inputs, changes: tuple[Change, ...]) -> Inputs:
    found = list(inputs)
    for slot, spec in changes:
        old = found[slot.argument]
        new: Spec = replaced(old.spec, slot.place, spec)
        found[slot.argument] = dataclasses.replace(old, spec=new, source=Source("search"))
    return tuple(found)


def _changes(slots: list[Slot], binding: Mapping[str, int], failure: Failure) -> Iterator[tuple[Change, ...]]:
    dtype = dtype_complaint(failure)
    if dtype is not None:
        yield from _retyped(slots, dtype, failure)
    for have_shape, want_shape in _checked_shapes(failure):
        yield from _reshaped(slots, binding, have_shape, want_shape)
    pairs = list(dict.fromkeys((*_checked_sizes(failure), *size_complaints(failure))))[:MAX_PAIRS]
    for have, want in pairs:
        if have != want:
            yield from _resized(slots, binding, have, want)
    for have, chunk in (*_checked_divisors(failure), *divisor_complaints(failure)):
        yield from _divided(slots, have, chunk)
    for have_rank, want_rank in dict.fromkeys((*_checked_ranks(failure), *rank_complaints(failure))):
        yield from _reranked(slots, have_rank, want_rank, failure)
    view = view_complaint(failure)
    if view is not None:
        yield from _reviewed(slots, binding, *view)
    if too_small(failure):
        yield from _enlarged(slots)
    for have, want in pairs:
        if have != want:
            if failure.function in FLAT:
                yield from _roughly_scaled(slots, have, want)
            yield from _shared(slots, have, want)
            yield from _shifted(slots, have, want)


def _retyped(slots: list[Slot], dtype: str, failure: Failure) -> Iterator[tuple[Change, ...]]:
    others = [slot for slot in slots if (slot.spec.dtype or "float32") != dtype]
    others.sort(key=lambda slot: slot.sizes not in failure.operands)
    for slot in others:
        dims = slot.spec.dims
        if dtype == "int64" and failure.function == "embedding" and len(dims) == 3 and isinstance(dims[-1], int):
            yield ((slot, TensorSpec(dims[:-1], dtype)),)
        yield ((slot, TensorSpec(dims, dtype)),)
    if len(others) > 1:
        yield tuple((slot, TensorSpec(slot.spec.dims, dtype)) for slot in others)


def _reshaped(
    slots: list[Slot], binding: Mapping[str, int], have: tuple[int, ...], want: tuple[int, ...]
) -> Iterator[tuple[Change, ...]]:
    """A tensor of the shape that was there gets the one that was wanted, in the symbols whose sizes these are."""
    names = {size: name for name, size in reversed(list(binding.items()))}
    for slot in slots:
        if slot.sizes == have and all(1 <= size <= LARGEST for size in want):
            yield ((slot, TensorSpec(tuple(names.get(size, size) for size in want), slot.spec.dtype)),)


def _resized(slots: list[Slot], binding: Mapping[str, int], have: int, want: int) -> Iterator[tuple[Change, ...]]:
    """Dims of the size that was there get the one that was wanted; where that is the size of a symbol, the symbol."""
    if not 1 < want <= LARGEST:
        return
    named: list[Dim] = [name for name, size in binding.items() if size == want]
    hits: list[list[Change]] = []
    batches = sum(slot.spec.dims.count("B") for slot in slots)  # one of them has to stay
    for target in named if "B" in named else (*named, want):
        for slot in slots:
            places = [at for at, size in enumerate(slot.sizes) if size == have]
            square = [at for at in places if at >= len(slot.sizes) - 2]
            if len(square) == 2 and len(slot.sizes) > 3:
                hits.append([slot.with_dim(*((at, target) for at in square))])
            for at in reversed(places):
                if slot.spec.dims[at] != target and (slot.spec.dims[at] != "B" or batches > 1):
                    hits.append([slot.with_dim((at, target))])
    for slot in slots:
        if slot.sizes == (have,):  # one number each, where a row of so many is taken
            yield ((slot, TensorSpec((*slot.spec.dims, want), "float32")),)
    yield from map(tuple, hits)
    together = [hit[0] for hit in hits if have not in hit[0][1].dims]
    if len({change[0] for change in together}) > 1:
        yield tuple({change[0]: change for change in reversed(together)}.values())
    for slot in slots:
        for at, size in reversed(list(enumerate(slot.sizes))):
            for extra in BESIDE if size and slot.spec.dims[at] != "B" else ():
                factor, rest = divmod(have - extra, size)
                if rest == 0 and factor > 1 and (want - extra) % factor == 0 and want > extra:
                    yield (slot.with_dim((at, (want - extra) // factor)),)
        yield from _scaled_image(slot, have, want)


def _scaled_image(slot: Slot, have: int, want: int) -> Iterator[tuple[Change, ...]]:
    """A row of `have` that was made of an image's area should have been `want`: the side goes with the root."""
    if len(slot.sizes) < 4 or slot.sizes[-1] != slot.sizes[-2]:
        return
    for extra in BESIDE:
        if have > extra and want > extra:
            side = slot.sizes[-1] * math.sqrt((want - extra) / (have - extra))
            if abs(side - round(side)) < 1e-6 and 1 < round(side) <= 1024 and round(side) != slot.sizes[-1]:
                yield (slot.with_dim((len(slot.sizes) - 2, round(side)), (len(slot.sizes) - 1, round(side))),)


def _roughly_scaled(slots: list[Slot], have: int, want: int) -> Iterator[tuple[Change, ...]]:
    """The same where the image loses its edges on the way: nearer with each trial."""
    for slot in slots:
        if len(slot.sizes) == 4 and slot.sizes[-1] == slot.sizes[-2]:
            side = round(slot.sizes[-1] * math.sqrt(want / have))
            if LEAST_SIDE < side <= 1024 and side != slot.sizes[-1]:
                yield (slot.with_dim((2, side), (3, side)),)


def _shifted(slots: list[Slot], have: int, want: int) -> Iterator[tuple[Change, ...]]:
    """A size that was one part of a sum: `cat([x, extra], -1)` is too short by what `x` has to grow."""
    for slot in slots:
        for at, size in reversed(list(enumerate(slot.sizes))):
            if at and 0 < size + want - have <= LARGEST and size != have and size < have:
                yield (slot.with_dim((at, size + want - have)),)


def _shared(slots: list[Slot], have: int, want: int) -> Iterator[tuple[Change, ...]]:
    """A size that several arguments make together: `cat((noise, labels, code), -1)`."""
    parts = [slot for slot in slots if len(slot.sizes) > 1]
    if 1 < len(parts) <= want and sum(slot.sizes[-1] for slot in parts) == have:
        share = want // len(parts)
        first, *others = parts
        changes = [slot.with_dim((len(slot.sizes) - 1, share)) for slot in others]
        yield first.with_dim((len(first.sizes) - 1, want - share * len(others))), *changes


def _divided(slots: list[Slot], have: int, chunk: int) -> Iterator[tuple[Change, ...]]:
    larger = max(chunk, -(-have // chunk) * chunk)
    for size in dict.fromkeys((larger, 4 * chunk, chunk)):
        for slot in slots:
            places = [at for at, each in enumerate(slot.sizes) if each == have and slot.spec.dims[at] != "B"]
            if places:
                yield (slot.with_dim(*((at, size) for at in places)),)
                if len(places) > 1:
                    yield from ((slot.with_dim((at, size)),) for at in places)
    for slot in slots:  # what was to be divided was made of the size: try the next multiples of it
        for at, each in reversed(list(enumerate(slot.sizes))):
            if each != have and have % max(each, 1) == 0 and slot.spec.dims[at] != "B":
                yield (slot.with_dim((at, each * chunk // math.gcd(have, chunk))),)


def _reranked(slots: list[Slot], have: int | None, want: int, failure: Failure) -> Iterator[tuple[Change, ...]]:
    suspects = [slot for slot in slots if len(slot.sizes) == have] if have is not None else []
    suspects = suspects or [slot for slot in slots if len(slot.sizes) != want]
    suspects.sort(key=lambda slot: slot.sizes not in failure.operands)
    channels = None
    if failure.function.startswith("conv") and len(failure.operands) > 1:
        channels = failure.operands[1][1]
    for slot in suspects:
        shift = want - (have if have is not None else len(slot.sizes))
        rank = len(slot.sizes) + shift
        if 0 < rank <= 6:
            yield from (((slot, spec),) for spec in of_rank(slot.spec, rank, channels))


def of_rank(spec: TensorSpec, rank: int, channels: int | None = None) -> Iterator[TensorSpec]:
    """A tensor's spec at another rank, the sizes that it has kept where they can be."""
    dims, dtype = spec.dims, spec.dtype
    fixed = next((dim for dim in reversed(dims) if isinstance(dim, int) and dim > 1), None)
    width = channels or fixed or 16
    image = 32 if len(dims) < 4 else dims[-1]
    shapes: dict[int, tuple[tuple[Dim, ...], ...]] = {
        1: (("B",),),
        2: (("B", width), ("B", "T")),
        3: (("B", "T", width), ("B", width, "T"), ("B", "T", "S")),
        4: (("B", channels or (fixed if len(dims) > 3 else None) or 3, image, image), ("B", "T", "S", width)),
        5: (("B", width if channels else 3, 8, 32, 32), ("B", 8, 3, 32, 32)),
        6: (("B", 4, 3, 8, 32, 32),),
    }
    if rank == len(dims) - 1:
        yield TensorSpec(dims[:-1], dtype)
    for shape in shapes.get(rank, ()):
        yield TensorSpec(shape, dtype)
    if rank == 4:
        yield TensorSpec(("B", width, 16, 16), dtype)
    if rank == len(dims) + 1:
        yield TensorSpec((*dims, 16), dtype)
        yield TensorSpec((*dims[:1], 4, *dims[1:]), dtype)


def _reviewed(
    slots: list[Slot], binding: Mapping[str, int], wanted: tuple[int, ...], numel: int
) -> Iterator[tuple[Change, ...]]:
    """`view(B, T, 4, 16)` of too many elements: what is left after the other sizes is the one to change."""
    batch = binding.get("B", 1)
    rest = math.prod(size for size in wanted if size > 0)
    for slot in slots:
        for at, size in reversed(list(enumerate(slot.sizes))):
            if not size or slot.spec.dims[at] == "B" or numel % size:
                continue
            others = numel // size
            if -1 not in wanted and rest % others == 0 and rest // others != size:
                yield (slot.with_dim((at, rest // others)),)
            elif -1 in wanted and rest % batch == 0:
                step = rest // math.gcd(rest, others)
                if step != size and step <= LARGEST:
                    yield (slot.with_dim((at, step)),)
    for slot in slots:  # `view(*image.shape)` of something else: the image is to have as many elements
        if slot.sizes == wanted:
            for at, size in enumerate(slot.sizes):
                fitting, left = divmod(size * numel, rest)
                if slot.spec.dims[at] != "B" and left == 0 and 0 < fitting != size:
                    yield (slot.with_dim((at, fitting)),)


def _enlarged(slots: list[Slot]) -> Iterator[tuple[Change, ...]]:
    images = [slot for slot in slots if len(slot.sizes) >= 3]
    if len(images) > 1:
        yield from (tuple(_larger(slot, factor) for slot in images) for factor in LARGER)
    for slot in images:
        yield from ((_larger(slot, factor),) for factor in LARGER)


def _larger(slot: Slot, factor: int) -> Change:
    rank = len(slot.sizes)
    spatial = (2,) if rank == 3 else range(2, rank)
    return slot.with_dim(*((at, max(slot.sizes[at], 8) * factor) for at in spatial))


def _checked_sizes(failure: Failure) -> Iterator[tuple[int, int]]:
    for text, operator, left, right in failed_checks(failure.cause):
        if _is_rank(text) or operator not in ("Eq", "NotEq", "LtE", "GtE", "Lt", "Gt"):
            continue
        if isinstance(left, int) and isinstance(right, int):
            yield left, right
            yield right, left
        elif isinstance(left, (tuple, list)) and isinstance(right, (tuple, list)):
            for have, want in zip(left, right, strict=False):
                if isinstance(have, int) and isinstance(want, int) and have != want:
                    yield have, want


def _checked_shapes(failure: Failure) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    for _, operator, left, right in failed_checks(failure.cause):
        if operator not in ("Eq", "NotEq") or not (
            isinstance(left, (tuple, list)) and isinstance(right, (tuple, list))
        ):
            continue
        if len(left) == len(right) and all(isinstance(size, int) for size in (*left, *right)):
            yield tuple(left), tuple(right)
            yield tuple(right), tuple(left)


def _checked_divisors(failure: Failure) -> Iterator[tuple[int, int]]:
    for text, _, _, _ in failed_checks(failure.cause):
        if "%" in text:
            have, chunk = dividend_of(text, failure.cause), divisor_of(text, failure.cause)
            if have and chunk:
                yield have, chunk


def _checked_ranks(failure: Failure) -> Iterator[tuple[int | None, int]]:
    for text, _, left, right in failed_checks(failure.cause):
        if _is_rank(text) and isinstance(left, int):
            yield from ((left, want) for want in ([right] if isinstance(right, int) else right) if want != left)


def _is_rank(text: str) -> bool:
    return text.endswith((".dim()", ".ndim")) or (text.startswith("len(") and ("shape" in text or "size()" in text))
