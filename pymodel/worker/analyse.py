"""One analysis, start to end: text, discover, resolve, trace, check. Runs in the disposable child.

User code runs here, so whatever it raises becomes a diagnostic; only `Cancelled` and the like pass through.
"""

from __future__ import annotations

import ast
import dataclasses
import os
import re
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TORCHDYNAMO_DISABLE", "1")  # a compiled model is traced as the module it wraps

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from ..check.devices import explain_mixes
from ..check.doubt import in_doubt
from ..check.explain import explain
from ..check.flow import Flow
from ..check.gradients import SUSPECTS, find_cut_gradients, find_overwritten
from ..check.pins import find_rank_faults
from ..check.traps import find_traps
from ..check.unregistered_tensor import tensors_held
from ..discover.document import Document, read_document
from ..discover.models import find_models
from ..discover.pins import PinError, find_pins
from ..discover.steps import MAIN, Script, find_script, lines_followed
from ..lint.lint import lint
from ..resolve.candidates import find_candidates
from ..resolve.inputs import Inputs, describe_input
from ..resolve.judge import make_arguments
from ..resolve.load import Loaded, LoadFailed, load_module
from ..resolve.own_modules import own_modules
from ..resolve.resolution import Resolution
from ..resolve.resolve import Oracle
from ..resolve.sizes import bind, loosen
from ..resolve.stubs import MissingPackage
from ..schema import (
    Analyse,
    Checked,
    Diagnostic,
    Finished,
    Location,
    ModelSite,
    Pin,
    Position,
    PyModelError,
    Started,
    Trace,
    Traced,
)
from ..trace.assemble import Assembled, Failure, assemble
from ..trace.backward import run_backward
from ..trace.instrument import Instrumenter
from ..trace.memo import Memo, shared_memo
from ..trace.meta import build
from ..trace.naming import name_variables
from ..trace.places import Places
from ..trace.probes import probe
from ..trace.recorder import Recorder, recording
from ..trace.run import Run, raising_frame, run_forward, watching_modules, without_collector
from ..trace.torchvision_operators import watch_for_torchvision
from ..trace.unsupported import Unsupported
from .script import trace_script
from .second_look import SecondLook, Seen
from .training_mode import set_training
from .trials import make_engine
from .unscripted import turn_off_scripting

OPERATORS = watch_for_torchvision()
turn_off_scripting()
OTHER_PROCESSES = re.compile(r"(?i)(RPC|process group) has not been initialized|init_process_group")
"""How torch refuses what only works between processes."""
Emit = Callable[[Started | Traced | Checked], None]


@watching_modules()
@own_modules()
def analyse(
    request: Analyse,
    emit: Emit,
    poll: Callable[[], None] = lambda: None,
    get_memo: Callable[[], Memo | None] = shared_memo,
    *,
    prove: bool = False,
) -> Finished:
    """Trace the models of a file, each emitted as soon as it is known. `poll` is called often and may raise to stop.
    With `prove`, fixes are looked for once all is traced."""
    instrumenter = Instrumenter()
    names = _wanted_names(request)

    def transform(tree: ast.Module, document: Document) -> ast.Module:
        # Data sets are read in long loops: where there is no model, they run as they are.
        return instrumenter.transform(tree, document) if with_models or document.path == request.path else tree

    try:
        document = read_document(request.path, request.documents)
        script = find_script(document)
        models = tuple(site.name for site in find_models(document, names) if not names or site.name in names)
        with_models = script is None or bool(models)
        with without_collector():
            loaded = load_module(
                request.path,
                roots=request.roots,
                documents=request.documents,
                names=names if script is None else (*models, *_names_of(script)),
                transform=transform,
            )
    except OSError as error:
        words = f"cannot be read: {error.strerror}."
        failed = LoadFailed(words, path=request.path, advice="Save the file, or open it.")
        return Finished(request.id, (_diagnostic_of(failed, request.path),))
    except LoadFailed as error:
        return Finished(request.id, (_diagnostic_of(error, request.path),))
    followed = lines_followed(loaded.document, script) if script is not None else frozenset()
    told = (each for each in loaded.diagnostics if each.code != "not-run" or each.start.line not in followed)
    diagnostics = [*loaded.document.errors, *told, *_broken_torchvision(loaded)]
    try:
        pins = find_pins(loaded.document)
    except PinError as error:
        pins = ()
        diagnostics.append(_diagnostic_of(error, request.path))
    oracle = Oracle(loaded, _folder(request), make_engine(request.mode, poll, get_memo))
    seen: list[Seen] = []
    for site in _in_order(find_models(loaded.document, names), request.first):
        if names and site.name not in names:
            continue
        emit(Started(request.id, site.target))
        own = [pin for pin in (*request.pins, *pins) if pin.target in (site.target, site.name)]
        order = ("cli", "comment", "setting", "pyproject", "previous")
        own.sort(key=lambda pin: order.index(pin.source))
        analysis = _Analysis(request, loaded, oracle, site, tuple(own), instrumenter, poll, get_memo())
        seen.append(analysis.run())
        trace = seen[-1].trace
        if request.candidates:
            trace = _replace(trace, candidates=find_candidates(oracle, site, tuple(own)))
        emit(Traced(request.id, trace))
    if script is not None and (not names or MAIN in names):
        emit(Started(request.id, script.target))
        seen.append(trace_script(request, loaded, script, instrumenter, _folder(request), poll, get_memo))
        emit(Traced(request.id, seen[-1].trace))

    def analyse_anew(request: Analyse, emit: Emit) -> Finished:
        return analyse(request, emit, poll, get_memo)

    second = SecondLook(request, loaded.files, analyse_anew if prove else None)
    for each in seen:
        if prove and any(found.severity != "hint" for found in each.trace.diagnostics):
            emit(Started(request.id, each.trace.target))
        checked = second.check(each)
        if checked != each.trace.diagnostics:
            emit(Checked(request.id, each.trace.target, checked))
    if not names or MAIN in names:
        of_script = next((each for each in seen if each.trace.target.endswith(f"::{MAIN}")), None)
        diagnostics += second.check_text(lint(loaded.document), of_script)
    return Finished(request.id, tuple(diagnostics), loaded.files)


def warm() -> None:
    """Trace a small model, so that what torch loads lazily for meta tensors is there before the first request."""

    class Small(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(10, 8)
            self.conv = nn.Conv1d(8, 8, 3, padding=1)
            self.norm = nn.LayerNorm(8)
            self.batch_norm = nn.BatchNorm1d(8)
            self.rnn = nn.LSTM(8, 4, bidirectional=True)
            self.attention = nn.MultiheadAttention(8, 2)
            self.head = nn.Linear(8, 2)

        def forward(self, tokens: torch.Tensor) -> Any:
            x = self.norm(self.embed(tokens))
            x = self.batch_norm(self.conv(x.transpose(1, 2))).transpose(1, 2).relu() * torch.outer(x[0, 0], x[0, 0])[0]
            x = self.attention(x, x, x, need_weights=False)[0] + self.rnn(x)[0]
            return self.head(torch.cat([x, x[:, :1]], dim=1).mean(1)).softmax(-1)

    model = build(Small).eval()
    run = run_forward(model, lambda: ((torch.zeros(3, 5, dtype=torch.int64),), {}), {}, frozenset())
    if run.error is not None:
        raise run.error


class EngineFailed(PyModelError):
    """PyModel itself went wrong on a model, which must not take the file's other models along."""

    def __init__(self, error: Exception, target: str) -> None:
        place = traceback.extract_tb(error.__traceback__)[-1]
        super().__init__(
            f"PyModel itself fails on this model: {type(error).__name__}: {error} ({place.name}, line {place.lineno}).",
            path=target.partition("::")[0],
            advice="The fault is not the model's: please report it, with the traceback of the log.",
        )
        self.__cause__ = error


class _Analysis:
    """The analysis of one model of a loaded file."""

    def __init__(
        self,
        request: Analyse,
        loaded: Loaded,
        oracle: Oracle,
        site: ModelSite,
        pins: tuple[Pin, ...],
        instrumenter: Instrumenter,
        poll: Callable[[], None],
        memo: Memo | None,
    ) -> None:
        self.request = request
        self.loaded = loaded
        self.oracle = oracle
        self.site = site
        self.pins = pins
        self.instrumenter = instrumenter
        self.poll = poll
        self.places = Places(request.documents)
        self.memo = memo

    def run(self) -> Seen:
        try:
            found = self.oracle.resolve(self.site, self.pins)
            return self._with_rank_faults(self._trace(found))
        except PyModelError as error:
            return Seen(self._failed(error))
        except Exception as error:  # a fault of ours, or of a method of torch's that the model overrides
            traceback.print_exc()  # to the log
            return Seen(self._failed(EngineFailed(error, self.site.target)))

    def _trace(self, found: Resolution) -> Seen:
        recorder = Recorder(lambda tensor: "cpu", lambda tensor: False)
        with recording(recorder):
            model = build(found.make)
        set_training(model, self.request.mode == "train")
        as_built = tensors_held(model)

        loosened, sizes = loosen(found.inputs, found.symbols)

        def start(binding: dict[str, int], frontier: bool, most: int) -> Run:
            return run_forward(
                model,
                lambda: make_arguments(loosened, binding, vars(self.loaded.module)),
                binding,
                self._files(),
                frontier=frontier,
                most=most,
                poll=self.poll,
                memo=self.memo,
            )

        probes = probe(start, sizes, _sizes_within(model))
        binding = probes.base.binding
        names = name_variables(probes, sizes, self.instrumenter.sites, model)
        probes = probes.named(names)
        inputs = tuple(describe_input(each) for each in bind(loosened, probes.dims))
        assembled = assemble(
            target=self.site.target,
            mode=self.request.mode,
            model=model,
            construction=found.construction,
            inputs=inputs,
            probes=probes,
            sites=self.instrumenter.sites,
            built=recorder.events,
            places=self.places,
            attempts=found.attempts,
            files=self.loaded.files,
        )
        trace, failures = self._with_diagnostics(assembled, model, as_built)
        if not found.is_certain:
            return Seen(in_doubt(trace, self.site.name, self._class_line()))
        return Seen(
            trace,
            failures=failures,
            built_at=assembled.built_at,
            look=lambda: self._look_at_gradients(trace, model, loosened, binding),
        )

    def _look_at_gradients(
        self, trace: Trace, model: nn.Module, inputs: Inputs, binding: dict[str, int]
    ) -> list[Diagnostic]:
        """What a backward pass shows, where the text has something in it that could go wrong there."""
        texts = (read_document(path, self.request.documents).text for path in trace.files)
        if trace.status != "complete" or not any(SUSPECTS.search(text) for text in texts):
            return []

        def arguments() -> Any:
            return make_arguments(inputs, binding, vars(self.loaded.module))

        backward = run_backward(model, arguments, binding, self._files(), self.poll)
        overwritten = find_overwritten(backward, Flow(trace.operations), self._class_line())
        return find_cut_gradients(backward, self.places) + overwritten

    def _with_diagnostics(
        self, assembled: Assembled, model: nn.Module, as_built: frozenset[str]
    ) -> tuple[Trace, dict[Diagnostic, Failure]]:
        trace = assembled.trace
        fallback = self._class_line()
        place = (fallback.path, fallback.start, fallback.end)
        explained = {explain(failure, place, trace): failure for failure in assembled.failures}
        diagnostics = list(explained)
        if assembled.error is not None:
            describe = _describe_doubt if assembled.doubtful else _describe_error
            diagnostics.append(describe(assembled.error, assembled.error_at or fallback))
        diagnostics += explain_mixes(assembled.mixes, self.places)
        diagnostics += find_traps(trace, model, as_built, self.loaded.document)
        return _replace(trace, diagnostics=tuple(dict.fromkeys(diagnostics))), explained

    def _with_rank_faults(self, seen: Seen) -> Seen:
        """Where a pinned input fails and one of another rank runs, that is said of the pin."""
        trace = seen.trace
        if trace.status == "complete" or not trace.inputs or trace.inputs[0].source.kind != "pin":
            return seen
        without_inputs = tuple(dataclasses.replace(pin, inputs=()) for pin in self.pins if pin.source != "previous")
        try:
            running = self.oracle.resolve(self.site, without_inputs, depth=1)
        except PyModelError:
            return seen
        if not running.verified:
            return seen
        described = tuple(map(describe_input, running.inputs))
        faults = find_rank_faults(trace.inputs, described, self.loaded.document, self.site)
        return dataclasses.replace(seen, trace=_replace(trace, diagnostics=(*trace.diagnostics, *faults)))

    def _failed(self, error: PyModelError) -> Trace:
        cause = error.__cause__
        frame = raising_frame(cause, self._files()) if cause is not None else None
        place = self.places.locate(frame)
        if cause is not None and place is not None:
            diagnostic = _describe_error(cause, place)
        else:
            diagnostic = _diagnostic_of(error, self.site.target, self._class_line())
        return Trace(
            target=self.site.target,
            mode=self.request.mode,
            status="failed",
            construction=None,
            inputs=(),
            symbols={},
            values=(),
            modules=(),
            diagnostics=(diagnostic,),
            totals=None,
            attempts=(str(error),),
            files=self.loaded.files,
        )

    def _class_line(self) -> Location:
        named = self.site.name_range
        return Location(self.request.path, named.start, named.end)

    def _files(self) -> frozenset[str]:
        return frozenset(self.loaded.files)


def _folder(request: Analyse) -> str:
    """The widest import root above the file: where neighbours are looked for."""
    own = Path(request.path).parent
    above = [Path(root) for root in request.roots if own.is_relative_to(root)]
    return str(min(above, key=lambda root: len(root.parts), default=own))


def _broken_torchvision(loaded: Loaded) -> Iterator[Diagnostic]:
    """That torchvision does not fit the torch beside it, said where the file imports it."""
    if not OPERATORS.declared:
        return
    for node in ast.walk(loaded.document.tree):
        if not isinstance(node, (ast.Import, ast.ImportFrom)):
            continue
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
        if any(name.partition(".")[0] == "torchvision" for name in names):
            place = loaded.document.range_of(node)
            words = (
                "The torchvision that is installed was not made for this torch: shapes are known all the same, but its "
                f"operators do not run. Install the one for torch {torch.__version__.partition('+')[0]}."
            )
            yield Diagnostic("broken-package", "hint", words, loaded.document.path, place.start, place.end)
            return


def _in_order(sites: tuple[ModelSite, ...], first: tuple[str, ...]) -> list[ModelSite]:
    """The models that are wanted first, in their order, then the others in the text's."""
    places = {name: place for place, name in enumerate(first)}
    return sorted(sites, key=lambda site: places.get(site.name, len(places)))


def _names_of(script: Script) -> tuple[str, ...]:
    """What of a script the import must have ready; what its top does is followed step by step."""
    return (MAIN,) if script.from_top else tuple(name.partition(".")[0] for name in script.functions)


def _wanted_names(request: Analyse) -> tuple[str, ...]:
    return tuple(target.rpartition("::")[2] for target in request.targets)


def _sizes_within(model: nn.Module) -> list[int]:
    """Sizes of a model's parameters, buffers and attributes: what limits a size is often one of them."""
    tensors = [each for each in (*model.parameters(), *model.buffers()) if not is_lazy(each)]
    attributes = (value for module in model.modules() for value in vars(module).values() if type(value) is int)
    return sorted({*(size for tensor in tensors for size in tensor.shape), *attributes})


def _describe_error(error: BaseException, place: Location) -> Diagnostic:
    """An exception of user code, on the line that raised it."""
    if isinstance(error, PermissionError):
        return Diagnostic("effect-refused", "warning", str(error), place.path, place.start, place.end)
    if isinstance(error, MissingPackage):
        return Diagnostic("missing-import", "hint", str(error), place.path, place.start, place.end)
    if isinstance(error, Unsupported):
        return Diagnostic("not-followed", "hint", str(error), place.path, place.start, place.end)
    if isinstance(error, SystemExit):
        words = f"this exits (code {error.code}): in an analysis nothing after it is known."
        return Diagnostic("exits", "warning", words, place.path, place.start, place.end)
    words = _first_line(error)
    if OTHER_PROCESSES.search(words):
        said = f"this needs other processes, which an analysis does not start: nothing after it is known ({words})."
        return Diagnostic("not-followed", "hint", said, place.path, place.start, place.end)
    if isinstance(error, AssertionError) and not str(error):
        words = "This assertion does not hold: what it asks for is not so with these arguments."
    return Diagnostic("raises", "error", words, place.path, place.start, place.end)


def _describe_doubt(error: BaseException, place: Location) -> Diagnostic:
    """An exception that values decide, of which nothing is known without data: where the trace ends, and why."""
    words = (
        "shapes are known up to here only: this depends on the values of tensors, and with those that were assumed "
        f"it fails ({_first_line(error)})."
    )
    return Diagnostic("depends-on-values", "hint", words, place.path, place.start, place.end)


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".strip().splitlines()[0]


def _diagnostic_of(error: PyModelError, target: str, place: Location | None = None) -> Diagnostic:
    path = error.path or target.partition("::")[0]
    line = error.line or 1
    where = place or Location(path, Position(line, 0), Position(line, 1))
    code = "".join("-" + c.lower() if c.isupper() else c for c in type(error).__name__).lstrip("-")
    return Diagnostic(code, "hint", f"{error.message} {error.advice}".strip(), where.path, where.start, where.end)


def _replace(trace: Trace, **changes: Any) -> Trace:
    return dataclasses.replace(trace, **changes)
