"""What error messages say about tensors: sizes that did not fit, ranks that were wanted, kinds of numbers.

Only the words of torch, Python and einops are known here; whoever reads a complaint has to try what it suggests.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from .trial import Failure, Shape

SIZES: tuple[tuple[str, tuple[tuple[int, int], ...]], ...] = (
    (r"same reduction dim, but got \[(\d+), (\d+)\] X \[(\d+), (\d+)\]", ((2, 3), (3, 2))),
    (r"cannot be multiplied \((\d+)x(\d+) and (\d+)x(\d+)\)", ((2, 3), (3, 2))),
    (r"size of tensor a \((\d+)\) must match the size of tensor b \((\d+)\)", ((1, 2), (2, 1))),
    (r"to have (\d+) channels, but got (\d+) channels", ((2, 1),)),
    (r"should contain (\d+) elements not (\d+)", ((1, 2),)),
    (r"input_size\. Expected (\d+), got (\d+)", ((2, 1),)),
    (r"inconsistent input_size: got (\d+),? expected (\d+)", ((1, 2),)),
    (r"embedding dimension of (\d+), but got (\d+)", ((2, 1),)),
    (r"weight of shape \[(\d+)\] and input of shape \[\d+, (\d+)", ((2, 1),)),
    (r"normalized_shape=\[(?:\d+, )*(\d+)\].*?(\d+)\]\)?$", ((2, 1),)),
    (r"Expected (?:size )?(\d+) (?:in dimension \d+ )?but got (?:size )?(\d+)", ((2, 1), (1, 2))),
    (r"expanded size of the tensor \((\d+)\) must match the existing size \((\d+)\)", ((2, 1), (1, 2))),
    (r"Shape mismatch, (\d+) != (\d+)", ((1, 2), (2, 1))),
    (r"has size (\d+) for operand \d+ which does not broadcast with previously seen size (\d+)", ((1, 2), (2, 1))),
    (r"columns\. X1: (\d+) X2: (\d+)", ((1, 2), (2, 1))),
    (r"does not match weight size: got (\d+) but expected (\d+)", ((1, 2),)),
    (r"parameter numbers = (\d+) and channel size = (\d+)", ((2, 1),)),
    (r"last dimension must be (\d+) .*got (\d+)", ((2, 1),)),
    (r"(?i)expected\D{0,40}?(\d+)\D{0,40}?\b(?:got|received|but|found)\D{0,40}?(\d+)", ((2, 1),)),
    (r"(?i)\b(?:got|received|found)\D{0,30}?(\d+)\D{0,40}?expect\w*\D{0,40}?(\d+)", ((1, 2),)),
    (r"(\d+)\D{0,60}?(?:does not|doesn't|must|should|!=|not) (?:match|equal|be equal)\D{0,60}?(\d+)", ((1, 2), (2, 1))),
)
"""A message with the pairs of its numbers: the size that was there, and the one that was wanted."""
RANKS: tuple[tuple[str, int | None, tuple[int, ...]], ...] = (
    (r"not enough values to unpack \(expected (?:at least )?(\d+), got (\d+)\)", 2, (1,)),
    (r"too many values to unpack \(expected (\d+)", None, (1,)),
    (r"(?i)expected (\d)D(?: or (\d)D)? input \(got (\d)D input\)", 3, (1, 2)),
    (r"to be (\d)D(?:,? or (\d)D)?, (?:but )?got (\d)D", 3, (2, 1)),
    (r"to be (\d)-?D(?: or (\d)-?D)?, but received (\d)-?D", 3, (2, 1)),
    (r"expected (\d+) dims\. Received (\d+)-dim", 2, (1,)),
    (r"input\.dim\(\) = (\d+) is not equal to len\(dims\) = (\d+)", 1, (2,)),
    (r"number of subscripts in the equation \((\d+)\).* number of dimensions \((\d+)\)", 2, (1,)),
    (r"only supports? (\d)D.*?\(?got (\d)D", 2, (1,)),
    (r"(?i)only (\d)D, (\d)D and \dD input Tensors supported \(got (\d)D\)", 3, (2, 1)),
    (r"Got (\d)D input, but \w+ mode needs (\d)D", 1, (2,)),
    (r"Expected (\d)-D tensors, but got (\d)-D", 2, (1,)),
    (r"must be a (\d)D tensor", None, (1,)),
    (r"sizes provided \((\d+)\) must be greater or equal to the number of dimensions in the tensor \((\d+)\)", 2, (1,)),
    (r"(?i)expected (?:a )?(\d)[- ]?d(?:im\w*)?\b.*?got (?:a )?(\d)[- ]?d", 2, (1,)),
)
"""A message with the group of the rank that was there (None: not told) and those of the ranks wanted."""
DTYPES: tuple[tuple[str, str], ...] = (
    (
        r"scalar types: Long, Int|LongTensor|must be long|dtype int32/int64|int64 for index|int32 or int64",
        "int64",
    ),
    (r"offsets has to be a 1D Tensor", "int64"),
    (r"indices must be integers|only integer tensors|must have integer dtype|used as indices", "int64"),
    (
        r"predicate to be bool|boolean masks|implemented on integer and Boolean|dtype to be bool|for 'Float'",
        "bool",
    ),
    (r"floating point or complex|type Float but found|but got: float != |m1 and m2 .*float != (?:long|int)", "float32"),
    (r"on a bool tensor is not supported|with a bool tensor|not supported for bool|got .*\bBool\b", "float32"),
    (r"not implemented for '(?:Long|Int|Bool)'|can't be cast to the desired output type (?:Long|Int)", "float32"),
)
LISTS = re.compile(r"[\[(]((?:\d+, )+\d+|\d+,?)[\])]")


def size_complaints(failure: Failure) -> Iterator[tuple[int, int]]:
    """Pairs of a size that was there and the one that was wanted, likely ones first."""
    message = failure.message
    yield from _of_convolution(failure)
    for pattern, groups in SIZES:
        match = re.search(pattern, message)
        if match:
            yield from ((int(match[have]), int(match[want])) for have, want in groups)
    lists = [tuple(int(n) for n in found.rstrip(",").split(", ")) for found in LISTS.findall(message)]
    for first, second in itertools.pairwise(lists):
        yield from _unlike(first, second)
    split = re.search(r"sum exactly to (\d+).*split_sizes=\[([\d, ]+)\]", message)
    if split:
        yield int(split[1]), sum(map(int, split[2].split(", ")))
    for first, second in itertools.pairwise(failure.operands):
        yield from _unlike(first, second)


def divisor_complaints(failure: Failure) -> Iterator[tuple[int, int]]:
    """Pairs of a size that was there and a number that had to divide it."""
    for pattern, have, chunk in (
        (r"can't divide axis of length (\d+) in chunks of (\d+)", 1, 2),
        (r"divisible by num_groups, but got input of shape \[\d+, (\d+).*num_groups=(\d+)", 1, 2),
        (r"(?i)(\d+)\D{0,60}(?:divisible by|multiple of)\D{0,60}?(\d+)", 1, 2),
        (r"maximum size for tensor at dimension \d+ is (\d+) but size is (\d+)", 1, 2),
    ):
        match = re.search(pattern, failure.message)
        if match and int(match[chunk]):
            yield int(match[have]), int(match[chunk])


def view_complaint(failure: Failure) -> tuple[tuple[int, ...], int] | None:
    """The sizes of a `view` that could not be, and the number of elements that it got."""
    match = re.search(r"shape '\[([-\d, ]+)\]' is invalid for input of size (\d+)", failure.message)
    return (tuple(map(int, match[1].split(", "))), int(match[2])) if match else None


def too_small(failure: Failure) -> bool:
    """Whether the trouble is an image that is used up before the layers are."""
    words = r"greater than actual input size|Output size is too small|smaller than kernel|must be greater than zero"
    return (
        re.search(
            words + r"|Padding size should be less|non-empty|too small|more than 1 spatial element", failure.message
        )
        is not None
    )


def rank_complaints(failure: Failure) -> Iterator[tuple[int | None, int]]:
    """Pairs of a rank that was there (None: not told) and the one that was wanted."""
    message = failure.message
    operands = failure.operands
    if failure.function.startswith("conv") and len(operands) > 1 and len(operands[0]) != len(operands[1]):
        yield len(operands[0]), len(operands[1])
    for pattern, have, wants in RANKS:
        match = re.search(pattern, message)
        if match:
            yield from ((int(match[have]) if have else None, int(match[want])) for want in wants if match[want])
    match = re.search(r"in range of \[-(\d+), \d+\], but got (-?\d+)", message)
    if match:
        wanted = int(match[2])
        yield int(match[1]), wanted + 1 if wanted >= 0 else -wanted
    match = re.search(r"too many indices for tensor of dimension (\d+)", message)
    if match:
        yield int(match[1]), int(match[1]) + 1
        yield int(match[1]), int(match[1]) + 2
    match = re.search(r"(?i)expected (\d)D.*? (\d)D.*?(?:got|size:?).*?\[([\d, ]+)\]", message)
    if match:
        have = match[3].count(",") + 1
        yield from ((have, int(want)) for want in (match[2], match[1]))
    match = re.search(r"size of tensor a \(\d+\).*dimension (\d+)", message)
    if match and len({len(operand) for operand in operands}) > 1:
        low, high = sorted({len(operand) for operand in operands})[:2]
        yield low, high


def dtype_complaint(failure: Failure) -> str | None:
    """The kind of numbers that was wanted."""
    return next((dtype for pattern, dtype in DTYPES if re.search(pattern, failure.message)), None)


def _of_convolution(failure: Failure) -> Iterator[tuple[int, int]]:
    operands = failure.operands
    if failure.function.startswith("conv") and len(operands) > 1 and len(operands[0]) == len(operands[1]) > 2:
        groups = failure.arguments[6] if len(failure.arguments) > 6 else 1
        if isinstance(groups, int):
            yield operands[0][1], operands[1][1] * groups


def _unlike(first: Shape, second: Shape) -> Iterator[tuple[int, int]]:
    """Sizes that differ where two shapes are aligned at their ends, in both directions."""
    for have, want in zip(reversed(first), reversed(second), strict=False):
        if have != want and 1 not in (have, want):
            yield have, want
            yield want, have
