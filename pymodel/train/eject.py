"""Writes a recipe's training as one script that needs only torch, and gives the same losses bit for bit.

What the recipe does not ask for is not in the script. What the script takes over unchanged is the source of our own
functions; the rest is written for this recipe.
"""

from __future__ import annotations

import inspect
import os
import textwrap
from collections.abc import Iterator
from pathlib import Path

from ..schema import PyModelError, Recipe, TrainRequest
from .data.load import find_kind
from .data.order import EpochBatches
from .loss import _class_dim
from .schedule import _fall

HEADER = '''"""Trains {name}, as a recipe of PyModel did. It needs torch, and the project's files that it imports."""
'''


class CannotEject(PyModelError):
    """The recipe asks for something that is not written as a script."""


def eject(request: TrainRequest, loss: str, folder: Path) -> str:
    """The script, to stand in `folder`. `loss` is the name of the loss that `auto` has become.

    Raises:
        CannotEject: the recipe uses something that would not be one readable script.
    """
    recipe = request.recipe
    _require_plain(request)
    parts = [
        HEADER.format(name=recipe.model.target.rpartition("::")[2]),
        _imports(request, folder),
        _constants(recipe),
        *_definitions(recipe, loss),
        _data(recipe),
        _evaluation(recipe, loss),
        _main(recipe, loss),
        'if __name__ == "__main__":\n    main()\n',
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _require_plain(request: TrainRequest) -> None:
    recipe = request.recipe
    wanted = {
        "data that is read from files": find_kind(recipe.data.source, Path(request.folder)) != "factory",
        "data of worker processes": recipe.data.workers > 0,
        "adapters": recipe.fine_tuning.lora_rank is not None,
        "gradual unfreezing": recipe.fine_tuning.unfreeze_every is not None,
        "discriminative rates": bool(recipe.fine_tuning.rates) or recipe.fine_tuning.layer_decay != 1,
        "weights to start from": recipe.fine_tuning.start_from is not None,
        "a moving average": recipe.regularisation.ema is not None,
        "an initialisation": recipe.initialisation.method != "default",
        "augmentation": recipe.augmentation != type(recipe.augmentation)(),
        "several processes": recipe.distribution.launcher != "none",
        "metrics of torchmetrics": bool(recipe.run.metrics),
        "float16": recipe.compute.precision == "float16",
        "a plateau": recipe.schedule.name == "plateau",
        "LBFGS": recipe.optimizer.name == "LBFGS",
    }
    found = [words for words, is_wanted in wanted.items() if is_wanted]
    if found:
        advice = "Leave it out, or train with PyModel."
        raise CannotEject(f"This recipe has {' and '.join(found)}, which is not written as a script.", advice=advice)


def _imports(request: TrainRequest, folder: Path) -> str:
    """The project's own modules, found from the script's own place."""
    recipe, lines = request.recipe, []
    references = [recipe.model.target, recipe.data.source]
    if "::" in recipe.loss.name:
        references.append(recipe.loss.name)
    holders = [Path(request.folder, each.rpartition("::")[0]).parent for each in references]
    places = dict.fromkeys((*(os.path.relpath(each, folder) for each in holders), *_roots(request, folder)))
    lines += [f"sys.path.insert(0, str(Path(__file__).parent / {place!r}))" for place in places]
    lines += list(recipe.model.prelude)
    for reference in references:
        path, _, name = reference.rpartition("::")
        lines.append(f"from {Path(path).stem} import {name}  # noqa: E402")
    standard = (
        "import math\nimport random\nimport sys\nfrom collections.abc import Iterator\nfrom pathlib import Path\n"
    )
    torch = "import torch\nfrom torch import nn\nfrom torch.nn import functional\n"
    torch += "from torch.utils.data import DataLoader, Dataset, Sampler, Subset\n"
    return f"{standard}\n{torch}\n" + "\n".join(lines)


def _roots(request: TrainRequest, folder: Path) -> list[str]:
    return [os.path.relpath(root, folder) for root in request.roots]


def _constants(recipe: Recipe) -> str:
    return "\n".join(
        (
            f"SEED = {recipe.run.seed}",
            f"EPOCHS = {recipe.run.epochs}",
            f"BATCH_SIZE = {recipe.data.batch_size}",
            f"LEARNING_RATE = {recipe.optimizer.learning_rate!r}",
            f"DEVICE = torch.device({_device(recipe)})",
        )
    )


def _device(recipe: Recipe) -> str:
    if recipe.compute.device != "auto":
        return repr(recipe.compute.device)
    return 'torch.accelerator.current_accelerator() if torch.accelerator.is_available() else "cpu"'


def _definitions(recipe: Recipe, loss: str) -> Iterator[str]:
    order = inspect.getsource(EpochBatches)
    yield order.replace("Sampler[list[int]]", "Sampler")
    if loss == "cross_entropy":
        yield _plain(inspect.getsource(_class_dim)).replace("_class_dim", "class_dim")
    if recipe.schedule.name != "constant" or recipe.schedule.warmup_steps:
        if recipe.schedule.name != "constant":
            yield _plain(inspect.getsource(_fall)).replace("_fall", "fall")
        yield _rate(recipe)
    yield _loss(recipe, loss)


def _plain(source: str) -> str:
    return source.replace("Tensor", "torch.Tensor")


def _rate(recipe: Recipe) -> str:
    """The schedule's own line, for this recipe's settings."""
    settings = recipe.schedule
    lowest = f"{settings.minimum!r} / LEARNING_RATE" if settings.minimum else "0.0"
    course = {
        "constant": "return 1.0",
        "step": f"return {settings.factor!r} ** (step // ({settings.step_epochs} * per_epoch))",
        "cosine": f"return fall(min(1.0, done / length), 1.0, {lowest})",
        "one-cycle": "peak = max(1.0, 0.3 * length - 1)\n"
        "if done <= peak:\n    return fall(done / peak, 1 / 25, 1.0)\n"
        "return fall(min(1.0, (done - peak) / max(1.0, length - 1 - peak)), 1.0, 1 / 25e4)",
        "warm-restarts": f"period = {settings.restart_epochs} * per_epoch\nwhile done >= period:\n"
        f"    done, period = done - period, period * {settings.restart_factor}\n"
        f"return fall(done / period, 1.0, {lowest})",
    }[settings.name]
    warm = settings.warmup_steps
    lines = ['"""What LEARNING_RATE is multiplied by at this step, counted from 0."""']
    if warm:
        lines.append(f"if step < {warm}:\n    return (step + 1) / {warm + 1}")
    lines.append(f"done, length = step - {warm}, max(1, total - {warm})")
    body = textwrap.indent("\n".join((*lines, course)), "    ")
    return f"def rate_factor(step, per_epoch, total):\n{body}"


def _loss(recipe: Recipe, loss: str) -> str:
    smoothing = recipe.loss.label_smoothing
    like = "target.reshape(output.shape).to(output.dtype)"
    if loss == "cross_entropy":
        body = (
            "dim = class_dim(output, target) or 1\n"
            f"return functional.cross_entropy(output.movedim(dim, 1), target.long(), label_smoothing={smoothing!r})"
        )
    elif loss in ("bce", "mse", "l1"):
        name = {"bce": "binary_cross_entropy_with_logits", "mse": "mse_loss", "l1": "l1_loss"}[loss]
        body = f"return functional.{name}(output, {like})"
    elif "::" in recipe.loss.name:
        body = f"return {recipe.loss.name.rpartition('::')[2]}(output, target)"
    else:
        given = ", ".join(f"{name}={value!r}" for name, value in recipe.loss.arguments.items())
        smooth = f"label_smoothing={smoothing!r}" if loss == "CrossEntropyLoss" else ""
        body = f"return nn.{loss}({', '.join(part for part in (given, smooth) if part)})(output, target)"
    return "def compute_loss(output, target):\n" + textwrap.indent(body, "    ")


def _data(recipe: Recipe) -> str:
    data, name = recipe.data, recipe.data.source.rpartition("::")[2]
    return textwrap.dedent(
        f'''
        def make_loaders():
            """Training data in an order that seed and epoch give; validation and test data in their own."""
            made = {name}()
            parts = list(made) if isinstance(made, (tuple, list)) else [made]
            train, test = parts[0], parts[-1] if len(parts) > 1 else None
            validation = parts[1] if len(parts) == 3 else None
            size = len(train)
            if test is None:
                train, test = cut(train, SEED, int(size * {data.test!r}))
            if validation is None:
                train, validation = cut(train, SEED + 1, int(size * {data.validation!r}))
            order = EpochBatches(len(train), BATCH_SIZE, seed=SEED)
            own = torch.Generator()  # so that making a loader draws nothing from the model's random numbers
            held_out = [part and DataLoader(part, BATCH_SIZE, generator=own) for part in (validation, test)]
            return DataLoader(train, batch_sampler=order, generator=own), order, *held_out


        def cut(dataset, seed, size):
            """Cut `size` items off, by the seed."""
            if not isinstance(dataset, Dataset) or not 0 < size < len(dataset):
                return dataset, None
            order = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(seed)).tolist()
            return Subset(dataset, order[size:]), Subset(dataset, order[:size])


        def split_batch(batch):
            *inputs, target = [each.to(DEVICE, non_blocking=True) for each in batch]
            return inputs, target
        '''
    )


def _evaluation(recipe: Recipe, loss: str) -> str:
    counts = {
        "cross_entropy": "(output.argmax(class_dim(output, target) or 1) == target)",
        "bce": "((output > 0) == (target.reshape(output.shape) > 0.5))",
    }.get(loss)
    correct = (
        f"correct += {counts}.sum().item()\n                answers += target.numel()" if counts else "answers += 1"
    )
    shown = 'f", accuracy {correct / answers:.4f}"' if counts else '""'
    return textwrap.dedent(
        f'''
        @torch.no_grad()
        def evaluate(model, loader, name):
            """Print and give the mean loss over a loader."""
            model.eval()
            total = examples = correct = answers = 0
            for batch in loader:
                inputs, target = split_batch(batch)
                {_autocast(recipe)}
                    output = model(*inputs)
                    total += compute_loss(output, target).float().item() * len(target)
                examples += len(target)
                {correct}
            print(f"{{name}} loss {{total / examples:.6f}}" + {shown})
            return total / examples
        '''
    )


def _autocast(recipe: Recipe) -> str:
    dtype = recipe.compute.precision
    enabled = "" if dtype != "float32" else ", enabled=False"
    return f"with torch.autocast(DEVICE.type, torch.{'bfloat16' if dtype == 'float32' else dtype}{enabled}):"


def _main(recipe: Recipe, loss: str) -> str:
    optimizer, compute, regularisation = recipe.optimizer, recipe.compute, recipe.regularisation
    construction = recipe.model.construction or f"{recipe.model.target.rpartition('::')[2]}()"
    has_rate = recipe.schedule.name != "constant" or recipe.schedule.warmup_steps
    lines = [
        "def main():",
        "    random.seed(SEED)",
        "    torch.manual_seed(SEED)",
        f"    model = {construction}",
        "    train, order, validation, test = make_loaders()",
        "    model.to(DEVICE)",
    ]
    if recipe.fine_tuning.freeze:
        lines += _freeze(recipe)
    if regularisation.dropout is not None:
        lines += _dropout(regularisation.dropout)
    if compute.channels_last:
        lines.append("    model.to(memory_format=torch.channels_last)")
    if compute.compile:
        lines.append("    model.compile()")
    arguments = "".join(f", {name}={value!r}" for name, value in optimizer.arguments.items())
    lines += [
        "    parameters = [each for each in model.parameters() if each.requires_grad]",
        f"    optimizer = torch.optim.{optimizer.name}(groups_of(model), lr=LEARNING_RATE{arguments})",
        "    per_epoch = len(train)",
        f"    total_steps = {_total(recipe)}",
        "    step, best = 0, math.inf",
        "    random.seed(SEED)",
        "    torch.manual_seed(SEED)",
        "    for order.epoch in range(1, EPOCHS + 1):",
        "        model.train()",
        "        for batch in train:",
    ]
    if has_rate:
        lines += [
            "            for group in optimizer.param_groups:",
            '                group["lr"] = LEARNING_RATE * rate_factor(step, per_epoch, total_steps)',
        ]
    lines += _step(recipe)
    lines += [
        '        loss = evaluate(model, validation, "validation") if validation else loss.item()',
        "        if loss < best:",
        "            best = loss",
        '            torch.save(model.state_dict(), "best.pt")',
    ]
    if recipe.run.steps is not None:
        lines.append(f"        if step >= {recipe.run.steps}:\n            break")
    lines += [
        '    model.load_state_dict(torch.load("best.pt", weights_only=True))',
        "    if test:",
        '        evaluate(model, test, "test")',
    ]
    return _groups(recipe) + "\n\n\n" + "\n".join(lines)


def _total(recipe: Recipe) -> str:
    return f"min(per_epoch * EPOCHS, {recipe.run.steps})" if recipe.run.steps else "per_epoch * EPOCHS"


def _step(recipe: Recipe) -> list[str]:
    optimizer, parts = recipe.optimizer, recipe.compute.accumulation
    objective = "loss"
    if recipe.regularisation.l1:
        objective = (
            f"(loss + {recipe.regularisation.l1!r} * torch.stack([each.abs().sum() for each in parameters]).sum())"
        )
    lines = ["optimizer.zero_grad()"]
    if parts > 1:
        lines += [
            "total_loss, size = 0, len(batch[-1])",
            f"edges = [size * number // min({parts}, size) for number in range(min({parts}, size) + 1)]",
            "for start, end in zip(edges, edges[1:]):",
            "    inputs, target = split_batch([each[start:end] for each in batch])",
            f"    {_autocast(recipe)}",
            "        loss = compute_loss(model(*inputs), target)",
            "    share = (end - start) / size",
            f"    ({objective} * share).backward()",
            "    total_loss = total_loss + loss.detach() * share",
            "loss = total_loss",
        ]
    else:
        lines += [
            "inputs, target = split_batch(batch)",
            _autocast(recipe),
            "    loss = compute_loss(model(*inputs), target)",
            f"{objective}.backward()",
        ]
    if optimizer.clip_value is not None:
        lines.append(f"nn.utils.clip_grad_value_(parameters, {optimizer.clip_value!r})")
    if optimizer.clip_norm is not None:
        lines.append(f"nn.utils.clip_grad_norm_(parameters, {optimizer.clip_norm!r})")
    lines += ["optimizer.step()", "step += 1", 'print(f"step {step} loss {loss.item()!r}")']
    if recipe.run.steps is not None:
        lines.append(f"if step >= {recipe.run.steps}:\n    break")
    return [textwrap.indent(line, " " * 12) for line in lines]


def _groups(recipe: Recipe) -> str:
    kinds = [kind for kind in recipe.optimizer.no_decay if kind in ("bias", "norm", "embedding")]
    patterns = [each for each in recipe.optimizer.no_decay if each not in kinds]
    tests = []
    if "bias" in kinds:
        tests.append('"bias" in name.rpartition(".")[2]')
    if "norm" in kinds:
        tests.append('"Norm" in type(owner).__name__')
    if "embedding" in kinds:
        tests.append('"Embedding" in type(owner).__name__')
    if patterns:
        tests.append(
            f"any(fnmatchcase(name, pattern) or fnmatchcase(name, pattern + '.*') for pattern in {patterns!r})"
        )
    spared = " or ".join(tests) or "False"
    head = "from fnmatch import fnmatchcase\n\n\n" if patterns else ""
    return head + textwrap.dedent(
        f'''
        def groups_of(model):
            """Parameters with weight decay, and those that it leaves out."""
            groups = {{}}
            for name, parameter in model.named_parameters():
                owner = model.get_submodule(name.rpartition(".")[0])
                decay = 0.0 if {spared} else {recipe.optimizer.weight_decay!r}
                groups.setdefault(decay, []).append(parameter)
            return [{{"params": each, "weight_decay": decay}} for decay, each in groups.items()]
        '''
    ).strip("\n")


def _freeze(recipe: Recipe) -> list[str]:
    patterns = list(recipe.fine_tuning.freeze)
    return [
        "    from fnmatch import fnmatchcase",
        "",
        "    for name, parameter in model.named_parameters():",
        f"        if any(fnmatchcase(name, pattern) or fnmatchcase(name, pattern + '.*') for pattern in {patterns!r}):",
        "            parameter.requires_grad_(False)",
    ]


def _dropout(rate: float) -> list[str]:
    return [
        "    for module in model.modules():",
        "        if isinstance(module, nn.modules.dropout._DropoutNd):",
        f"            module.p = {rate!r}",
        "        elif isinstance(module, (nn.RNNBase, nn.MultiheadAttention)) and module.dropout:",
        f"            module.dropout = {rate!r}",
    ]
