"""A recipe: all that makes a training run what it is. The one source of its TOML, JSON Schema, docs and completion.

Each field carries what a person needs to choose it (`setting`). Patterns are `fnmatch` patterns over the names of
`model.named_modules()` (`layers`) or `model.named_parameters()`; `"conv*"` also takes what is inside of `conv1`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

RECIPE_VERSION: Final = 1


def setting(
    about: str, default: Any = ..., *, minimum: float | None = None, maximum: float | None = None, above: bool = False
) -> Any:
    """A field with its words and its limits; required without a default. `above`: the minimum itself is too small."""
    metadata = {"about": about, "minimum": minimum, "maximum": maximum, "above": above}
    if default is ...:
        return field(metadata=metadata)
    if isinstance(default, dict):
        return field(default_factory=dict, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class ModelSettings:
    """What is trained, and how it is constructed."""

    target: str = setting("The model, as `file.py::Name`: a class, a function that gives one, or a variable.")
    construction: str | None = setting("The expression that constructs it; without one, `Name()`.", None)
    prelude: tuple[str, ...] = setting("Statements that the construction needs first, such as imports.", ())


@dataclass(frozen=True)
class DataSettings:
    """What it is trained on, and how that is cut and batched."""

    source: str = setting(
        "`file.py::name` of a Dataset, a DataLoader or a function that gives up to three of them; a folder; a file; "
        "or `random` for a smoke test."
    )
    kind: Literal["auto", "factory", "images", "table", "arrays", "text", "audio", "pairs", "random"] = setting(
        "How the source is read. `auto` goes by its name: a folder of class folders, a table (CSV, Parquet, JSONL), "
        "arrays (npz, safetensors, pt), text, audio.",
        "auto",
    )
    inputs: tuple[str, ...] = setting("Columns or arrays that go into the model; all but the target by default.", ())
    target: str | None = setting("The column or array to be learned; the last by default.", None)
    validation: float = setting("The share that is held out to choose the best epoch.", 0.1, minimum=0, maximum=0.9)
    test: float = setting("The share that is held out to the very end.", 0.1, minimum=0, maximum=0.9)
    batch_size: int = setting("Examples of a step, of all processes and accumulated batches together.", 64, minimum=1)
    workers: int = setting("Processes that load data beside the training.", 0, minimum=0, maximum=256)
    image_size: int | None = setting("Images are resized to a square of this side, in pixels.", None, minimum=1)
    sequence_length: int = setting("Characters of one example of text.", 128, minimum=1)
    sample_seconds: float | None = setting("Audio is cut or padded to this length.", None, minimum=0, above=True)
    items: int = setting("How many examples `random` makes.", 256, minimum=1)


@dataclass(frozen=True)
class LossSettings:
    """What is made small."""

    name: str = setting(
        "`auto` goes by the first batch; `cross_entropy`, `bce`, `mse`, `l1`; a loss of torch.nn such as "
        "`HuberLoss`; or your own as `file.py::function`, called with the output and the target.",
        "auto",
    )
    label_smoothing: float = setting(
        "How much of each label is spread over all classes, for cross-entropy.", 0.0, minimum=0, maximum=0.99
    )
    arguments: dict[str, object] = setting("Further arguments of a loss of torch.nn.", {})


@dataclass(frozen=True)
class OptimizerSettings:
    """How the weights move."""

    name: str = setting("An optimizer of torch.optim, such as `AdamW`, `Adam` or `SGD`.", "AdamW")
    learning_rate: float = setting("The highest rate of the schedule.", 1e-3, minimum=0, above=True)
    weight_decay: float = setting("L2 regularisation; decoupled in AdamW.", 0.01, minimum=0)
    no_decay: tuple[str, ...] = setting(
        "What weight decay leaves out: `bias`, `norm` (the weights of normalisations), `embedding`, or patterns of "
        "parameter names.",
        ("bias", "norm"),
    )
    clip_norm: float | None = setting("The gradient's norm is kept below this.", None, minimum=0, above=True)
    clip_value: float | None = setting("Each gradient is kept within ± this.", None, minimum=0, above=True)
    arguments: dict[str, object] = setting("Further arguments of the optimizer, such as `momentum`.", {})


@dataclass(frozen=True)
class ScheduleSettings:
    """How the learning rate goes."""

    name: Literal["constant", "step", "cosine", "one-cycle", "warm-restarts", "plateau"] = setting(
        "Its course. `plateau` lowers the rate when the validation loss stops falling.", "constant"
    )
    warmup_steps: int = setting("Steps over which the rate rises from nearly 0 first.", 0, minimum=0)
    step_epochs: int | None = setting("`step`: epochs between two drops.", None, minimum=1)
    factor: float = setting("`step`, `plateau`: what a drop multiplies the rate by.", 0.1, minimum=0, maximum=1)
    minimum: float = setting("`cosine`, `warm-restarts`, `plateau`: the lowest rate.", 0.0, minimum=0)
    restart_epochs: int = setting("`warm-restarts`: epochs of the first period.", 10, minimum=1)
    restart_factor: int = setting("`warm-restarts`: what each period multiplies the next by.", 2, minimum=1)
    patience: int = setting("`plateau`: epochs without an improvement before a drop.", 3, minimum=0)


@dataclass(frozen=True)
class RegularisationSettings:
    """What keeps it from learning by heart, beside weight decay and label smoothing."""

    l1: float = setting("The weight of the sum of absolute weights in the loss.", 0.0, minimum=0)
    dropout: float | None = setting("Overrides the rate of every dropout layer.", None, minimum=0, maximum=0.99)
    ema: float | None = setting(
        "Decay of a moving average of the weights, which is what is evaluated and kept as best.",
        None,
        minimum=0,
        maximum=0.99999,
    )
    early_stopping: int | None = setting("Epochs without an improvement before it ends.", None, minimum=1)


@dataclass(frozen=True)
class InitialisationSettings:
    """Where the weights start."""

    method: Literal[
        "default",
        "xavier-uniform",
        "xavier-normal",
        "he-uniform",
        "he-normal",
        "orthogonal",
        "truncated-normal",
    ] = setting("How weights of two and more dimensions are drawn. `default`: as the layers themselves do.", "default")
    layers: tuple[str, ...] = setting("Which layers, as patterns of their names.", ("*",))
    gain: float = setting("Xavier, orthogonal: what the weights are multiplied by.", 1.0, minimum=0, above=True)
    standard_deviation: float = setting("`truncated-normal`: its width.", 0.02, minimum=0, above=True)
    zero_bias: bool = setting("Biases of these layers start at 0.", True)


@dataclass(frozen=True)
class AugmentationSettings:
    """What is done to training inputs at random, on the device, a batch at a time."""

    horizontal_flip: float = setting("Probability of a mirrored image.", 0.0, minimum=0, maximum=1)
    vertical_flip: float = setting("Probability of an image upside down.", 0.0, minimum=0, maximum=1)
    shift: int = setting("Pixels that images are moved by at most, in each direction.", 0, minimum=0)
    rotation: float = setting("Degrees that images are turned by at most.", 0.0, minimum=0, maximum=180)
    brightness: float = setting("Share by which brightness varies.", 0.0, minimum=0, maximum=1)
    noise: float = setting("Standard deviation of Gaussian noise.", 0.0, minimum=0)
    erasing: float = setting("Probability that a square is blanked.", 0.0, minimum=0, maximum=1)
    transforms: tuple[str, ...] = setting(
        "Calls of torchvision.transforms.v2, such as `RandomErasing(p=0.2)`, in their order. Needs torchvision.", ()
    )


@dataclass(frozen=True)
class FineTuningSettings:
    """What it starts from, and which of its weights move."""

    start_from: str | None = setting(
        "Trained weights: a `.pt` file, a run's folder, or the recipe that pre-trains; its newest run is taken.", None
    )
    freeze: tuple[str, ...] = setting("Parameters that do not move, as patterns of their names.", ())
    unfreeze_every: int | None = setting(
        "Gradual unfreezing: after each so many epochs the last of the frozen layers moves, too.", None, minimum=1
    )
    layer_decay: float = setting(
        "Discriminative rates: each layer learns at this share of the rate of the one after it.",
        1.0,
        minimum=0,
        maximum=1,
        above=True,
    )
    rates: dict[str, float] = setting("What the rate is multiplied by, by pattern of parameter names.", {})
    lora_rank: int | None = setting("Train low-rank adapters of this rank instead. Needs peft.", None, minimum=1)
    lora_layers: tuple[str, ...] = setting("Which linear layers get adapters; all by default.", ("*",))


@dataclass(frozen=True)
class PruningSettings:
    """Which weights are cut away after training. The run tells what that costs in size and accuracy."""

    amount: float = setting("The share of weights that goes.", 0.0, minimum=0, maximum=0.99)
    method: Literal["smallest", "random", "channels"] = setting(
        "`smallest`: the smallest of all layers together; `channels`: whole outputs of each layer.", "smallest"
    )
    layers: tuple[str, ...] = setting("Which layers, as patterns of their names.", ("*",))


@dataclass(frozen=True)
class ComputeSettings:
    """Where and how it is computed."""

    device: str = setting("`auto` is the machine's accelerator, else the processor; or `cpu`, `cuda:1`, `mps`.", "auto")
    precision: Literal["float32", "bfloat16", "float16"] = setting(
        "Autocast to a shorter type; float16 with a scaled loss.", "float32"
    )
    compile: bool = setting("Compile the model with torch.compile.", False)
    channels_last: bool = setting("Images with their channels last in memory, which some devices like.", False)
    accumulation: int = setting("Batches whose gradients make one step.", 1, minimum=1)
    checkpoint_layers: tuple[str, ...] = setting("Layers whose activations are computed again to save memory.", ())
    smaller_batches: bool = setting("When the memory is not enough: once more with half batches, two a step.", True)
    find_batch_size: bool = setting("Try first how large a batch may be; `batch_size` is the most.", False)


@dataclass(frozen=True)
class DistributionSettings:
    """More than one process."""

    launcher: Literal["none", "torchrun"] = setting("What starts the processes.", "none")
    strategy: Literal["ddp", "fsdp2"] = setting("A copy of the model in each process, or a share of it.", "ddp")
    processes: int = setting("Processes of each node.", 1, minimum=1, maximum=1024)
    nodes: int = setting("Machines.", 1, minimum=1, maximum=4096)
    rendezvous: str | None = setting("`host:port` of the first machine, where there are several.", None)


@dataclass(frozen=True)
class RunSettings:
    """How long, and how it is judged."""

    epochs: int = setting("Times that all of the data is seen.", 10, minimum=1)
    steps: int | None = setting("It ends after so many steps, whatever the epochs say.", None, minimum=1)
    seed: int = setting("What all chance comes from.", 0, minimum=0)
    metrics: tuple[str, ...] = setting("Classes of torchmetrics, such as `F1Score`. Needs torchmetrics.", ())
    notes: str = setting("Words for those who read the run.", "")


@dataclass(frozen=True)
class Recipe:
    """A whole run. A section that is left out has its defaults."""

    model: ModelSettings
    data: DataSettings
    loss: LossSettings = LossSettings()
    optimizer: OptimizerSettings = OptimizerSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    regularisation: RegularisationSettings = RegularisationSettings()
    initialisation: InitialisationSettings = InitialisationSettings()
    augmentation: AugmentationSettings = AugmentationSettings()
    fine_tuning: FineTuningSettings = FineTuningSettings()
    pruning: PruningSettings = PruningSettings()
    compute: ComputeSettings = ComputeSettings()
    distribution: DistributionSettings = DistributionSettings()
    run: RunSettings = RunSettings()
    version: Literal[1] = RECIPE_VERSION
