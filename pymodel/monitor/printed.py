"""What a script prints: kept for the log, and read for values beside a name. The streams stay what they are, text over
the same buffer of the same file."""

from __future__ import annotations

import io
import re
import sys
from collections import deque
from collections.abc import Callable

MEASURES = (
    "loss|losses|acc|accuracy|error|err|ppl|perplexity|bpc|f1|auc|auroc|map|iou|miou|dice|bleu|rouge|wer|cer|mae|mse|rmse|"
    "r2|psnr|ssim|fid|reward|return|score|precision|recall|top1|top5|elbo|kl|nll"
)
NUMBER = r"[-+]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?|[-+]?(?:nan|inf)\b"
VALUE = re.compile(
    rf"(?<![\w.])(?P<name>(?:[A-Za-z][\w@-]*[ /_.-])??[\w@/.-]*?(?<![A-Za-z])(?:{MEASURES})(?:[_@/-]?\w*)?)"
    rf"\s*(?:[:=]|\bis\b|\s)\s*(?P<value>{NUMBER})(?P<percent>\s?%)?(?![\w(])",
    re.IGNORECASE,
)
WORD = re.compile(rf"(?<![A-Za-z_])(?:{MEASURES})(?![A-Za-z_])", re.IGNORECASE)
HELD_OUT = re.compile(r"(?<![a-z])(?:val|valid|validation|test|eval)(?![a-z])", re.IGNORECASE)
MAX_LINE = 2000
MAX_TEXT = 65536


def find_values(line: str) -> dict[str, tuple[float, bool]]:
    """`val loss 2.31, acc: 86 %` → `{"val_loss": (2.31, True), "acc": (86.0, False)}`: each value, and whether it is
    one beyond doubt. `top_score = 4` may be a setting: one counts that comes again."""
    found: dict[str, tuple[float, bool]] = {}
    first = VALUE.search(line[:MAX_LINE])
    held_out = HELD_OUT.search(line, 0, first.start()) if first else None  # `Test set: Average loss: 0.04`
    for match in VALUE.finditer(line[:MAX_LINE]):
        name = re.sub(r"[^\w@/.-]+", "_", match["name"].strip()).strip("_./-").lower()
        if held_out and not HELD_OUT.search(name.replace("_", " ")):
            name = f"{held_out[0].lower()}_{name}"
        is_plain = bool(WORD.search(match["name"])) and not match["value"].isdigit() and " = " not in match[0]
        found.setdefault(name, (float(match["value"]), is_plain))
    return found


class PrintedValues:
    """Reads lines as they are written."""

    def __init__(self, tell: Callable[[str, float], object]) -> None:
        self._tell = tell
        self._line = ""
        self._seen: set[str] = set()

    def note(self, text: str) -> None:
        if "\n" not in text and "\r" not in text:
            self._line = (self._line + text)[:MAX_LINE]
            return
        *lines, self._line = re.split(r"[\n\r]", self._line + text[-MAX_TEXT:])
        for line in lines:
            if any(each.isdigit() for each in line) or "nan" in line.lower():
                self._read(line)

    def _read(self, line: str) -> None:
        for name, (value, is_plain) in find_values(line).items():
            if is_plain or name in self._seen:
                self._tell(name, value)
            self._seen.add(name)


class RecordedStream(io.TextIOWrapper):
    """A standard stream that tells what is written to it."""

    def __init__(self, stream: io.TextIOWrapper, note: Callable[[str], object]) -> None:
        settings = {
            "encoding": stream.encoding,
            "errors": stream.errors,
            "line_buffering": stream.line_buffering,
            "write_through": stream.write_through,
        }
        stream.flush()
        self._note = note
        super().__init__(stream.detach(), newline=None, **settings)  # type: ignore[arg-type]
        self.__dict__["mode"] = "w"

    def write(self, text: str, /) -> int:
        count = super().write(text)
        self._note(text)
        return count


def record_streams(note_out: Callable[[str], object], note_error: Callable[[str], object]) -> bool:
    """Have both streams tell what is written; False where they are no plain files and were left alone."""
    if type(sys.stdout) is not io.TextIOWrapper or type(sys.stderr) is not io.TextIOWrapper:
        return False
    streams = {"stdout": RecordedStream(sys.stdout, note_out), "stderr": RecordedStream(sys.stderr, note_error)}
    for name, stream in streams.items():
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    return True


class LogText:
    """Text on its way to the log."""

    def __init__(self) -> None:
        self._parts: deque[str] = deque()

    def add(self, text: str) -> None:
        self._parts.append(text)

    def take(self) -> str:
        parts = []
        while self._parts:
            parts.append(self._parts.popleft())
        return "".join(parts)
