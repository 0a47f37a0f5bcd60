"""A folder of class folders of audio: WAV by the standard library, other formats by soundfile where it is installed."""

from __future__ import annotations

import importlib
import sys
import wave
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import Dataset

from .classes import find_examples
from .loaders import DataNotUsable
from .text import pad

ENDINGS = (".wav", ".flac", ".ogg", ".mp3")


class AudioFolder(Dataset[tuple[Tensor, int]]):
    """Gives (1, samples) from -1 to 1, all of one length, and the class's number."""

    def __init__(self, examples: list[tuple[Path, int]], classes: list[str], rate: int, samples: int) -> None:
        self.examples = examples
        self.classes = classes
        self.rate = rate
        self.samples = samples

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        path, label = self.examples[index]
        sound, rate = read_sound(path)
        if rate != self.rate:
            words = f"This has {rate} samples a second, and the first file {self.rate}."
            raise DataNotUsable(words, path=str(path), advice="Convert them to one rate.")
        return pad(sound, self.samples).unsqueeze(0), label


def read_audio(folder: Path, seconds: float | None) -> AudioFolder:
    """Classes are the subfolders. Without `seconds`, the length of the first file is taken.

    Raises:
        DataNotUsable: there are no class folders with audio.
    """
    examples, classes = find_examples(folder, ENDINGS)
    if not examples:
        advice = "Put the recordings of each class in a folder of its own, named after the class."
        raise DataNotUsable("There are no class folders with audio here.", path=str(folder), advice=advice)
    sound, rate = read_sound(examples[0][0])
    return AudioFolder(examples, classes, rate, len(sound) if seconds is None else round(seconds * rate))


def read_sound(path: Path) -> tuple[Tensor, int]:
    """The mean of all channels as (samples,) from -1 to 1, and the samples a second.

    Raises:
        DataNotUsable: the file cannot be read, or needs soundfile.
    """
    if path.suffix.lower() != ".wav":
        return _read_other(path)
    try:
        with wave.open(str(path)) as file:
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            content = bytearray(file.readframes(file.getnframes()))
    except (wave.Error, EOFError, OSError) as error:
        raise DataNotUsable(f"This is no WAV file: {error}.", path=str(path), advice="Remove or mend it.") from error
    kinds = {1: (torch.uint8, 128, 128), 2: (torch.int16, 0, 2**15), 4: (torch.int32, 0, 2**31)}
    if width not in kinds or not content:
        raise DataNotUsable(f"This has {8 * width} bits a sample, or none.", path=str(path), advice="Save it with 16.")
    dtype, middle, most = kinds[width]
    samples = torch.frombuffer(content, dtype=dtype).float().view(-1, channels)
    return (samples.mean(dim=1) - middle) / most, rate


def _read_other(path: Path) -> tuple[Tensor, int]:
    try:
        soundfile = importlib.import_module("soundfile")
    except (ImportError, OSError) as error:
        words = f"{path.suffix} needs soundfile, which is not installed."
        raise DataNotUsable(words, path=str(path), advice=f"`{sys.executable} -m pip install soundfile`") from error
    try:
        samples, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    except Exception as error:
        raise DataNotUsable(
            f"The file cannot be read: {error}.", path=str(path), advice="Remove or mend it."
        ) from error
    return torch.from_numpy(samples).mean(dim=1), int(rate)
