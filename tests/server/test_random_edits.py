"""Anything a person may do to a few files, in any order, ends as a cold start on the final text does.

Each example is a walk over one folder of files that import each other; all walks share one server, which has to stay
right over all of them. `make soak` walks ten times as far as the tests do.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from .client import Client

STEPS = int(os.environ.get("PYMODEL_SOAK_STEPS", "500"))
STEPS_A_WALK = 100
SECONDS_TO_AGREE = 240.0
FILES = {
    "sizes.py": "WIDTH = 16\nCLASSES = 10\n",
    "blocks.py": """\
import torch
from torch import nn

from sizes import WIDTH


class Block(nn.Module):
    def __init__(self, width=WIDTH):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.mix = nn.Linear(width, width)

    def forward(self, x):
        hidden = self.mix(self.norm(x))  # é漢😀
        return x + torch.relu(hidden)
""",
    "model.py": """\
import torch
from torch import nn

from blocks import Block
from sizes import CLASSES, WIDTH


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(100, WIDTH)
        self.blocks = nn.ModuleList([Block() for _ in range(2)])

    def forward(self, tokens):
        x = self.embed(tokens)
        for block in self.blocks:
            x = block(x)
        return x.mean(1)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.head = nn.Linear(16, CLASSES)

    def forward(self, tokens):
        pooled = self.encoder(tokens)
        "😀"; logits = self.head(pooled)
        return logits
""",
    "main.py": """\
import torch

from model import Classifier

model = Classifier()
print(model(torch.randint(0, 100, (4, 12))).shape)
""",
}
SNIPPETS = (
    "\n",
    " ",
    "\t",
    "x",
    "(",
    ")",
    ":",
    "# é漢😀",
    "\r\n",
    "self.",
    "1",
    "    pass\n",
    "x = x.flatten(1)\n",
    "'''",
)
NUMBERS = ("1", "2", "8", "10", "16", "32")
NUMBER = re.compile(r"\b\d+\b")
FRACTION = st.floats(0, 1, exclude_max=True)


class Editing(RuleBasedStateMachine):
    """What a person does in an editor; `texts` is what the editor shows, the folder what is on disk."""

    client: Client

    def __init__(self) -> None:
        super().__init__()
        self.temporary = tempfile.TemporaryDirectory(prefix="pymodel-edits-", ignore_cleanup_errors=True)
        self.folder = Path(self.temporary.name).resolve()
        self.texts: dict[str, str] = {}
        self.versions: dict[str, int] = {}
        self.undoable: dict[str, list[str]] = {}

    @initialize()
    def begin(self) -> None:
        for name, text in FILES.items():
            self.path(name).write_text(text, encoding="utf-8")
        for name in ("model.py", "blocks.py"):
            self.show(name)

    # What a person does.

    @precondition(lambda self: self.texts)
    @rule(which=FRACTION, at=FRACTION, snippet=st.sampled_from(SNIPPETS))
    def insert(self, which: float, at: float, snippet: str) -> None:
        name = self.chosen(which)
        place = int(at * (len(self.texts[name]) + 1))
        self.edit(name, place, place, snippet)

    @precondition(lambda self: self.texts)
    @rule(which=FRACTION, at=FRACTION, length=st.integers(1, 12))
    def delete(self, which: float, at: float, length: int) -> None:
        name = self.chosen(which)
        place = int(at * (len(self.texts[name]) + 1))
        self.edit(name, place, min(place + length, len(self.texts[name])), "")

    @precondition(lambda self: self.texts)
    @rule(which=FRACTION, at=FRACTION, number=st.sampled_from(NUMBERS))
    def renumber(self, which: float, at: float, number: str) -> None:
        name = self.chosen(which)
        found = list(NUMBER.finditer(self.texts[name]))
        if found:
            match = found[int(at * len(found))]
            self.edit(name, match.start(), match.end(), number)

    @precondition(lambda self: any(self.undoable.values()))
    @rule(which=FRACTION, steps=st.integers(1, 5))
    def undo(self, which: float, steps: int) -> None:
        names = sorted(name for name, texts in self.undoable.items() if texts)
        name = names[int(which * len(names))]
        texts = self.undoable[name]
        self.replace_all(name, texts[-min(steps, len(texts))])
        del texts[-min(steps, len(texts)) :]

    @precondition(lambda self: self.texts)
    @rule(which=FRACTION)
    def save(self, which: float) -> None:
        self.write(self.chosen(which))

    @rule(which=FRACTION)
    def open_or_close(self, which: float) -> None:
        names = sorted(each.name for each in self.folder.glob("*.py"))
        name = names[int(which * len(names))]
        if name in self.texts:
            self.hide(name)
        else:
            self.show(name)

    @precondition(lambda self: self.texts)
    @rule(which=FRACTION)
    def rename(self, which: float) -> None:
        name = self.chosen(which)
        other = name.replace("_old.py", ".py") if name.endswith("_old.py") else name.replace(".py", "_old.py")
        if self.path(other).exists():
            return
        self.path(name).rename(self.path(other))
        text = self.texts[name]
        self.hide(name)
        self.show(other, text)

    @rule(which=FRACTION, number=st.sampled_from(NUMBERS))
    def change_on_disk(self, which: float, number: str) -> None:
        """As another program does; an editor takes it up where nothing is unsaved."""
        paths = sorted(self.folder.glob("*.py"))
        path = paths[int(which * len(paths))]
        before = path.read_bytes().decode()
        after = NUMBER.sub(number, before, count=1)
        path.write_bytes(after.encode())
        if self.texts.get(path.name) == before:
            self.replace_all(path.name, after)

    @precondition(lambda self: self.texts)
    @rule(which=FRACTION, at=FRACTION, cancel=st.booleans())
    def ask(self, which: float, at: float, cancel: bool) -> None:
        """Every request has one answer, one that is cancelled too."""
        uri = self.uri(self.chosen(which))
        document = {"uri": uri}
        line = int(at * 40)
        around = {"start": {"line": 0, "character": 0}, "end": {"line": line, "character": 0}}
        for method, params in (
            ("textDocument/hover", {"textDocument": document, "position": {"line": line, "character": 20}}),
            ("textDocument/codeLens", {"textDocument": document}),
            ("textDocument/inlayHint", {"textDocument": document, "range": around}),
        ):
            number = self.client.send_request(method, params)
            if cancel:
                self.client.notify("$/cancelRequest", {"id": number})
            reply = self.client.await_reply(number, method)
            assert "error" not in reply or cancel, reply

    # What an editor says of it.

    def path(self, name: str) -> Path:
        return self.folder / name

    def uri(self, name: str) -> str:
        return self.path(name).as_uri()

    def chosen(self, which: float) -> str:
        names = sorted(self.texts)
        return names[int(which * len(names))]

    def show(self, name: str, text: str | None = None) -> None:
        self.texts[name] = self.path(name).read_bytes().decode() if text is None else text
        self.versions[name] = 1
        self.undoable[name] = []
        self.client.open(self.path(name), self.texts[name])

    def hide(self, name: str) -> None:
        self.client.notify("textDocument/didClose", {"textDocument": {"uri": self.uri(name)}})
        del self.texts[name], self.undoable[name]

    def edit(self, name: str, start: int, end: int, new: str) -> None:
        old = self.texts[name]
        self.undoable[name].append(old)
        self.texts[name] = old[:start] + new + old[end:]
        place = {"start": position_of(old, start), "end": position_of(old, end)}
        self.tell(name, {"range": place, "text": new})

    def replace_all(self, name: str, text: str) -> None:
        self.texts[name] = text
        self.tell(name, {"text": text})

    def tell(self, name: str, change: dict[str, Any]) -> None:
        self.versions[name] += 1
        document = {"uri": self.uri(name), "version": self.versions[name]}
        self.client.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})

    def write(self, name: str) -> None:
        self.path(name).write_bytes(self.texts[name].encode())
        self.client.notify("textDocument/didSave", {"textDocument": {"uri": self.uri(name)}})

    # The end.

    def teardown(self) -> None:
        try:
            for name in self.texts:
                self.write(name)
            if self.texts:
                self.compare_with_a_cold_start()
        finally:
            for name in list(self.texts):
                self.hide(name)
            self.temporary.cleanup()

    def compare_with_a_cold_start(self) -> None:
        cold = Client(self.folder)
        try:
            for name, text in self.texts.items():
                cold.open(self.path(name), text)
            shown: dict[str, tuple[Any, Any]] = {}

            def agree() -> bool:
                shown.update({name: (self.seen(self.client, name), self.seen(cold, name)) for name in self.texts})
                return all(warm == from_text for warm, from_text in shown.values())

            try:
                for name in self.texts:
                    cold.diagnostics(self.uri(name), 1, SECONDS_TO_AGREE)
                self.client.wait_by_asking(agree, "agreement with a cold start", SECONDS_TO_AGREE)
            except AssertionError as error:
                texts = "\n".join(f"--- {path.name}\n{path.read_text()}" for path in self.folder.glob("*.py"))
                differing = {name: each for name, each in shown.items() if each[0] != each[1]}
                raise AssertionError(f"{error}\n{differing}\n{texts}") from None
        finally:
            cold.close()

    def seen(self, client: Client, name: str) -> tuple[Any, Any]:
        """Diagnostics and hints, as a client that asks has them."""
        document = {"uri": self.uri(name)}
        found = client.request("textDocument/diagnostic", {"textDocument": document})["items"]
        whole = {"start": {"line": 0, "character": 0}, "end": {"line": 10_000, "character": 0}}
        hints = client.request("textDocument/inlayHint", {"textDocument": document, "range": whole})
        problems = sorted((each["range"]["start"]["line"], each["code"], each["message"]) for each in found)
        return problems, [(each["position"]["line"], each["position"]["character"], each["label"]) for each in hints]


def position_of(text: str, offset: int) -> dict[str, int]:
    """Where a character stands, as LSP counts: a line ends with `\\n`, `\\r\\n` or `\\r`; columns are UTF-16 units."""
    lines = re.split(r"\r\n|\r|\n", text[:offset])
    return {"line": len(lines) - 1, "character": len(lines[-1].encode("utf-16-le")) // 2}


@pytest.mark.timeout(300 + 2 * STEPS)
def test_any_walk_ends_as_a_cold_start(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYMODEL_ANALYSIS_SECONDS", "120")  # what a busy machine cuts off has no one answer
    Editing.client = Client(tmp_path_factory.mktemp("edits"))
    try:
        run_state_machine_as_test(
            Editing,
            settings=settings(
                max_examples=max(1, STEPS // STEPS_A_WALK),
                stateful_step_count=STEPS_A_WALK,
                derandomize=STEPS <= 500,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
                print_blob=True,
            ),
        )
    finally:
        assert Editing.client.close() == 0
