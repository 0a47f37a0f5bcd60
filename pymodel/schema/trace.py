"""What a model's code means: the answer of `pymodel shapes`, and of every analysis in the editor.

A dimension is an int, or a string that Python's `eval` understands over the document's symbols: `"9*B"`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from .diagnostic import Diagnostic
from .location import Position

Dim = int | str
Dims = tuple[Dim, ...]
SUM = re.compile(r"[-+%]")


def join_dims(dims: Dims) -> str:
    """`B×64×10×10`, empty for a scalar; a sum among other dimensions stands in parentheses: `(N+T)×16`."""
    texts = list(map(str, dims))
    return texts[0] if len(texts) == 1 else "×".join(f"({text})" if SUM.search(text) else text for text in texts)


Mode = Literal["eval", "train"]
Phase = Literal["forward", "init"]
ValueKind = Literal["tensor", "int", "tuple", "dict", "other"]
TraceStatus = Literal["complete", "partial", "failed"]


@dataclass(frozen=True)
class Source:
    """Where an answer was found: a pin, an annotation, a call site, a default, a search…

    `kind` is one of `pin annotation attribute call-site dataset config default parent search`.
    """

    kind: str
    path: str | None = None
    line: int | None = None


@dataclass(frozen=True)
class Construction:
    """How the model is made: `prelude` runs first, then `expression`, both in the target's own module."""

    expression: str
    prelude: tuple[str, ...]
    source: Source


@dataclass(frozen=True)
class Input:
    """One argument of `forward`. `expression` makes it, with torch and the symbols in scope."""

    name: str
    by: Literal["position", "keyword"]
    dims: Dims | None
    dtype: str | None
    expression: str
    source: Source


@dataclass(frozen=True)
class Symbol:
    """A size that may vary, the sizes it was probed at, and
    what was found to bind it: what is shown holds at its multiples of `multiple_of` from `min` up to `max`, if any."""

    meaning: str
    probed: tuple[int, ...]
    min: int = 1
    multiple_of: int = 1
    equals: int | None = None
    max: int | None = None


@dataclass(frozen=True)
class Value:
    """What one expression or assigned name held, in the order executed.

    `occurrences` are the dims of all further executions (loops, reused blocks). An int has `value`; a tuple has
    `items`: dims of tensors, values of ints, or None for what is neither.
    """

    path: str
    phase: Phase
    start: Position
    end: Position
    name: str | None
    text: str
    kind: ValueKind
    dims: Dims | None = None
    dtype: str | None = None
    device: str | None = None
    occurrences: tuple[Dims, ...] = ()
    assumed: bool = False
    value: Dim | None = None
    items: tuple[Dim | Dims | None, ...] | None = None


@dataclass(frozen=True)
class Read:
    """A name or attribute that was read: `x` in `self.conv1(x)`, `self.fc1`. The editor's hover needs it; the CLI's
    document does not carry it. `module` is the path of the submodule that the expression named, if it named one."""

    path: str
    start: Position
    end: Position
    text: str
    kind: Literal["tensor", "int", "tuple", "dict", "module", "other"]
    dims: Dims | None = None
    dtype: str | None = None
    device: str | None = None
    occurrences: tuple[Dims, ...] = ()
    assumed: bool = False
    value: Dim | None = None
    items: tuple[Dim | Dims | None, ...] | None = None
    module: str | None = None


@dataclass(frozen=True)
class Origin:
    """Where a size was decided. `name` is what stands there: `GPTConfig.n_embd`, `out_channels of conv1`, `input x`."""

    name: str
    path: str | None = None
    line: int | None = None


@dataclass(frozen=True)
class SizesAt:
    """Of the tensor that a place held first, the origin of each size, as far as it is known. For the editor's hover."""

    path: str
    start: Position
    end: Position
    origins: tuple[Origin | None, ...]


@dataclass(frozen=True)
class Weight:
    """A parameter of a module itself; `name` is the one it has there: `weight`."""

    name: str
    dims: Dims
    dtype: str
    trainable: bool


@dataclass(frozen=True)
class ModuleSummary:
    """One module of the hierarchy; `path` is empty for the root. Parameters count its children's, shared ones once;
    FLOPs and activation bytes are those of all of its calls.

    `arguments` is how it prints itself (`extra_repr`): `3, 64, kernel_size=(3, 3), stride=(1, 1)`.
    """

    path: str
    class_: str
    parameters: int
    trainable: int
    flops: Dim
    outputs: tuple[Dims, ...]
    inputs: tuple[Dims, ...] = ()
    arguments: str = ""
    activation_bytes: Dim = 0
    weights: tuple[Weight, ...] = ()


@dataclass(frozen=True)
class Tensor:
    """A tensor that flows along the edges of the graph; `id` is unique within a trace."""

    id: str
    dims: Dims
    dtype: str


@dataclass(frozen=True)
class Operation:
    """One node of the graph, in the order executed: a call of a submodule, or an operation in a module's `forward`.

    `id` is stable under edits elsewhere: the module's path, or the parent's id, `#`, name and index of the operation.
    `parent` is the id of the module call it ran in, empty for the root's own. `inputs` are ids of tensors.
    """

    id: str
    kind: Literal["input", "module", "op", "output"]
    name: str
    type: str
    parent: str
    path: str | None
    start: Position | None
    end: Position | None
    inputs: tuple[str, ...]
    outputs: tuple[Tensor, ...]
    parameters: int = 0
    flops: Dim = 0
    activation_bytes: Dim = 0
    error: str | None = None


@dataclass(frozen=True)
class Totals:
    """`flops` of one forward (a multiply-add counts 2). `activation_bytes`: what autograd keeps of it for the backward
    pass, each storage once; parameters, buffers, and what is computed again (checkpointed) are not counted."""

    parameters: int
    trainable: int
    flops: Dim
    activation_bytes: Dim


@dataclass(frozen=True)
class Candidate:
    """A way to make or to feed a model, as a pin. `words` say why it does not run; they are empty if it does."""

    kind: Literal["construction", "inputs"]
    pin: str
    source: Source
    words: str = ""


@dataclass(frozen=True)
class Trace:
    """All that is known of one model at one version of its document."""

    target: str
    mode: Mode
    status: TraceStatus
    construction: Construction | None
    inputs: tuple[Input, ...]
    symbols: dict[str, Symbol]
    values: tuple[Value, ...]
    modules: tuple[ModuleSummary, ...]
    diagnostics: tuple[Diagnostic, ...]
    totals: Totals | None
    reads: tuple[Read, ...] = ()
    operations: tuple[Operation, ...] = ()
    sizes: tuple[SizesAt, ...] = ()
    attempts: tuple[str, ...] = ()
    """What was tried on the way, in words: the answer to "why no shapes here?"."""
    files: tuple[str, ...] = ()
    """Every workspace file that was imported for this answer; a change to one makes it stale."""
    candidates: tuple[Candidate, ...] = ()
    """What a person may choose from, where it was asked for."""
