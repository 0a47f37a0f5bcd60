"""Weight files, opened so that nothing in them can run: `.pt`, `.pth`, `.bin`, `.ckpt` and safetensors.

What a file is, its content says, not its name. Its structure is checked before anything is read from it; a pickle is
loaded with `weights_only=True`, in a process of its own that has limits and can change nothing; tensors are mapped from
disk, not copied into memory.
"""

from .opening import Weights, load_weights, open_weights
from .safetensors import TensorPlace
from .structure import WeightsNotReadable

__all__ = ["TensorPlace", "Weights", "WeightsNotReadable", "load_weights", "open_weights"]
