"""What a recipe says against itself, against the files that it names, and against the model that was traced."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from ..discover.document import read_document
from ..schema import Diagnostic, Edit, Fix, Recipe, Trace
from .names import CLASS_LOSSES, LOSSES, OPTIMIZERS, OWN_LOSSES
from .paths import recipe_folder
from .patterns import matches
from .read import Reading, make_fault, suggest

NO_KIND = frozenset(("bias", "norm", "embedding"))


def check_recipe(reading: Reading, trace: Trace | None = None) -> Reading:
    """A reading with the faults beyond types and limits added; those of layer names where the model was traced."""
    if reading.recipe is None:
        return reading
    recipe = reading.recipe
    found = [*_check_names(reading, recipe), *_check_settings(reading, recipe), *_check_references(reading, recipe)]
    if trace is not None and trace.modules:
        found += [*_check_layers(reading, recipe, trace), *_check_loss(reading, recipe, trace)]
    return reading.with_faults(found)


def _check_names(reading: Reading, recipe: Recipe) -> Iterator[Diagnostic]:
    loss, optimizer = recipe.loss.name, recipe.optimizer.name
    if "::" not in loss and loss not in (*OWN_LOSSES, *LOSSES):
        yield _unknown_name(reading, "loss", loss, (*OWN_LOSSES, *LOSSES), "an own one is written as `file.py::name`")
    if optimizer not in OPTIMIZERS:
        yield _unknown_name(reading, "optimizer", optimizer, OPTIMIZERS, "those of torch.optim are known")


def _unknown_name(reading: Reading, section: str, name: str, known: tuple[str, ...], advice: str) -> Diagnostic:
    place = reading.place_of(section, "name")
    meant = suggest(name, known)
    words = f"There is no {section} `{name}`: " + (f"did you mean `{meant}`?" if meant else f"{advice}.")
    edit = Edit(reading.path, place.start, place.end, f'"{meant}"')
    return make_fault("name", words, reading.path, place, (Fix(f"Write `{meant}`", (edit,)),) if meant else ())


def _check_settings(reading: Reading, recipe: Recipe) -> Iterator[Diagnostic]:
    """Settings that contradict each other. Each stands where it is easiest to mend."""

    def tell(words: str, *path: str) -> Diagnostic:
        return make_fault("contradiction", words, reading.path, reading.place_of(*path))

    data, schedule, compute = recipe.data, recipe.schedule, recipe.compute
    if data.validation + data.test >= 1:
        yield tell(
            f"Validation and test take {data.validation + data.test:.0%}: nothing is left to train on.", "data", "test"
        )
    if recipe.loss.label_smoothing and recipe.loss.name not in CLASS_LOSSES:
        words = f"Labels are smoothed for cross-entropy only; the loss is `{recipe.loss.name}`."
        yield tell(words, "loss", "label_smoothing")
    if schedule.name == "step" and schedule.step_epochs is None:
        yield tell("The schedule `step` needs `step_epochs`: the epochs between two drops.", "schedule", "name")
    if schedule.name == "one-cycle" and schedule.warmup_steps:
        yield tell(
            "The schedule `one-cycle` has a warm-up of its own; leave `warmup_steps` out.", "schedule", "warmup_steps"
        )
    if schedule.minimum > recipe.optimizer.learning_rate:
        words = f"The lowest rate {schedule.minimum:g} is above the highest, {recipe.optimizer.learning_rate:g}."
        yield tell(words, "schedule", "minimum")
    if schedule.name == "plateau" and data.validation == 0 and data.kind not in ("auto", "factory"):
        yield tell("The schedule `plateau` goes by the validation loss, and `validation` is 0.", "data", "validation")
    if compute.accumulation > data.batch_size:
        words = f"A batch of {data.batch_size} cannot be made of {compute.accumulation} accumulated ones."
        yield tell(words, "compute", "accumulation")
    tuning = recipe.fine_tuning
    if tuning.unfreeze_every is not None and not tuning.freeze:
        yield tell("Nothing is frozen that could be unfrozen: write `freeze`.", "fine_tuning", "unfreeze_every")
    if recipe.distribution.launcher == "none" and recipe.distribution.processes * recipe.distribution.nodes > 1:
        yield tell('Several processes need `launcher = "torchrun"`.', "distribution", "processes")
    if recipe.distribution.nodes > 1 and recipe.distribution.rendezvous is None:
        yield tell("Several machines need `rendezvous`: `host:port` of the first.", "distribution", "nodes")
    if recipe.optimizer.name == "LBFGS" and (compute.accumulation > 1 or compute.precision == "float16"):
        yield tell("LBFGS evaluates its loss several times a step: no accumulation, no float16.", "optimizer", "name")


def _check_references(reading: Reading, recipe: Recipe) -> Iterator[Diagnostic]:
    folder = recipe_folder(Path(reading.path))
    wanted = [("model", "target", recipe.model.target, True)]
    if recipe.data.source != "random":
        wanted.append(("data", "source", recipe.data.source, recipe.data.kind == "factory"))
    if "::" in recipe.loss.name:
        wanted.append(("loss", "name", recipe.loss.name, True))
    if recipe.fine_tuning.start_from is not None:
        wanted.append(("fine_tuning", "start_from", recipe.fine_tuning.start_from, False))
    for section, key, reference, is_object in wanted:
        problem = _describe_reference(folder, reference, is_object)
        if problem is not None:
            yield make_fault("reference", problem, reading.path, reading.place_of(section, key))


def _describe_reference(folder: Path, reference: str, is_object: bool) -> str | None:
    """What is wrong with `file.py::Name`, or with a path where no object is meant."""
    file, separator, name = reference.rpartition("::")
    if not separator:
        if is_object:
            return f"`{reference}` names no object: write it as `file.py::Name`."
        return None if (folder / reference).exists() else f"There is no `{reference}` in {folder}."
    path = folder / file
    if not path.is_file():
        return f"There is no file `{file}` in {folder}."
    defined = _defined_names(path)
    if defined is None or name.partition(".")[0] in defined:
        return None
    meant = suggest(name, defined)
    return f"There is no `{name}` in {file}" + (f": did you mean `{meant}`?" if meant else ".")


def _defined_names(path: Path) -> set[str] | None:
    """The names a file's top level binds; None where a star import may bind others."""
    names: set[str] = set()
    for node in ast.walk(read_document(str(path), {}).tree):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    return None if "*" in names else names


def _check_layers(reading: Reading, recipe: Recipe, trace: Trace) -> Iterator[Diagnostic]:
    """Patterns that take no layer of the model."""
    layers = [module.path for module in trace.modules if module.path]
    own = {f"{path}.{kind}" for path in layers for kind in ("weight", "bias")}
    for section, key, patterns in (
        ("initialisation", "layers", recipe.initialisation.layers),
        ("fine_tuning", "freeze", recipe.fine_tuning.freeze),
        ("fine_tuning", "lora_layers", recipe.fine_tuning.lora_layers),
        ("pruning", "layers", recipe.pruning.layers),
        ("compute", "checkpoint_layers", recipe.compute.checkpoint_layers),
        ("optimizer", "no_decay", recipe.optimizer.no_decay),
        ("fine_tuning", "rates", tuple(recipe.fine_tuning.rates)),
    ):
        for index, pattern in enumerate(patterns):
            if key == "no_decay" and pattern in NO_KIND:
                continue
            if any(matches(name, (pattern,)) for name in (*layers, *own)):
                continue
            place = reading.place_of(section, key, pattern if key == "rates" else index)
            meant = suggest(pattern, layers)
            words = f"No layer of {trace.target.rpartition('::')[2]} is called `{pattern}`"
            words += f": did you mean `{meant}`?" if meant else f". It has {', '.join(layers[:8])}."
            yield make_fault("layer", words, reading.path, place)


def _check_loss(reading: Reading, recipe: Recipe, trace: Trace) -> Iterator[Diagnostic]:
    """A loss that cannot take what the model gives, whatever the target."""
    outputs = trace.modules[0].outputs
    if len(outputs) != 1 or not outputs[0] or recipe.loss.name not in ("cross_entropy", "CrossEntropyLoss", "NLLLoss"):
        return
    dims = outputs[0]
    if len(dims) < 2 or dims[1:] == (1,):
        shape = f"({', '.join(map(str, dims))}{',' if len(dims) == 1 else ''})"
        words = f"`{recipe.loss.name}` needs one output per class, and the model gives {shape}: did you mean `bce`?"
        yield make_fault("loss", words, reading.path, reading.place_of("loss", "name"))
