"""The whole path of the product on one project, step by step, as a person walks it in a real VS Code.

`test_path.py` runs each step as a test, on the sample project and on a different one; `make demo CHECK=1` runs them
with a screenshot after each. What differs between projects is data: a `Project`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Frame, Locator

from .vscode.workbench import Workbench

LIT_NODE = "#nodes > g.node.select"
NODES = "#nodes > g.node"
TRAINING_SECONDS = 240.0


@dataclass(frozen=True)
class Place:
    """`token` in the first line that holds `line`."""

    line: str
    token: str


@dataclass(frozen=True)
class Change:
    """Typing `new` over the token at `place` gives a problem on the line that holds `faulty`."""

    place: Place
    new: str
    faulty: str
    problem: str


@dataclass(frozen=True)
class Project:
    """What the path meets in a project. Texts to be found on the screen are regular expressions."""

    file: str
    model: str
    lens: str
    hovers: tuple[tuple[Place, str], ...]
    change: Change
    pin: str
    pinned: Change
    """What the pin does: `place` is the class, `new` is not used."""
    pinned_lens: str
    node: Place
    node_text: str
    data: str
    accuracy: float | None
    """What the trained model must exceed in the test; None where nothing is classified."""


SAMPLE = Project(
    file="image_classifier/model.py",
    model="MyModel",
    lens=r"\(B, 3, 12, 12\).*6,566,666 parameters",
    hovers=(
        (Place("x = self.conv1(x)", "x"), r"\(B, 64, 10, 10\).*float32"),
        (Place("x = self.conv1(x)", "(x)"), r"\(B, 64, 10, 10\).*float32"),
        (Place("x = self.fc1(x)", "fc1"), r"Linear.*6,554,624"),
        (Place("class MyModel", "MyModel"), r"6,566,666"),
        (Place("x = x.view(", "x"), r"\(B, 6400\)"),
        (Place("return x", "x"), r"\(B, 10\)"),
    ),
    change=Change(Place("nn.Conv2d(3, 64", "64"), "32", "x = x.view(", r"3200|6400"),
    pin="x=(B, 3, 32, 32)",
    pinned=Change(Place("class MyModel", "MyModel"), "", "x = x.view(", r"9\*B"),
    pinned_lens=r"\(B, 3, 32, 32\).*6,566,666 parameters",
    node=Place("x = self.fc1(x)", "fc1"),
    node_text="fc1",
    data="make_datasets",
    accuracy=0.95,
)
TANKS = Project(
    file="src/tanks/forecaster.py",
    model="LevelForecaster",
    lens=r"inflow: \(B, 16\), area: \(B,\).*530 parameters",
    hovers=(
        (Place("features = self.squash", "features"), r"\(B, 24, 16\).*float32"),
        (Place("features = self.squash(self.smooth", "smooth"), r"Conv1d.*144 parameters"),
        (Place("return self.head(cat([features", "features"), r"\(B, 24, 16\)"),
        (Place("class LevelForecaster", "LevelForecaster"), r"530 parameters"),
    ),
    change=Change(
        Place("self.head = nn.Linear(width * hours + 1, 1", "1, 1"), "2, 1", "return self.head(", r"386.*385"
    ),
    pin="inflow=(B, 24), area=(B,)",
    pinned=Change(Place("class LevelForecaster", "LevelForecaster"), "", "return self.head(", r"385.*577"),
    pinned_lens=r"inflow: \(B, 24\)",
    node=Place("return self.head", "self.head"),
    node_text="head",
    data="tank_loaders",
    accuracy=None,
)


@dataclass
class Walk:
    """One walk: the window, the folder and the project in it."""

    workbench: Workbench
    folder: Path
    project: Project
    seen: dict[str, str] = field(default_factory=dict)

    def find(self, place: Place) -> tuple[int, int]:
        """Line (1-based) and column (0-based) of a place, in the file as it is on disk."""
        lines = (self.folder / self.project.file).read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines, 1):
            if place.line in line:
                start = line.index(place.line)
                return number, start + place.line.index(place.token)
        raise AssertionError(f"no line of {self.project.file} holds {place.line!r}")

    # Steps

    def open_model(self) -> None:
        """The lens says the input that was found by itself, and the parameters."""
        self.workbench.open_file(self.project.file)
        self.await_lens(self.project.lens)

    def read_status(self) -> None:
        """The language status says what goes on, and which device will train."""
        text = self.workbench.until(
            lambda: self._matching(self.workbench.language_status(), r"trains on \w+"), "the device in the status"
        )
        assert "PyModel" in text or "model" in text.lower(), text

    def hover_everything(self) -> None:
        """Shapes, types and parameters under the mouse."""
        for place, expected in self.project.hovers:
            self.workbench.hover(*self.find(place), expected)

    def type_a_fault(self) -> None:
        """An unsaved change is followed, and what no longer fits is marked on its line."""
        change = self.project.change
        self.workbench.close_hover()
        self.workbench.focus_editor()
        self.workbench.replace(*self.find(change.place), change.place.token, change.new)
        self.await_problem(change)
        self.workbench.focus_editor()

    def undo_it(self) -> None:
        """Undo clears all of it."""
        self.workbench.undo()
        self.await_no_problems()
        self.workbench.close_panel()
        self.await_lens(self.project.lens)

    def show_graph(self) -> None:
        """The panel draws the model from our own trace."""
        self.workbench.focus_editor()
        self.workbench.run("PyModel: Show Model Graph")
        frame = self.workbench.webview(NODES, seconds=40)
        self.workbench.until(
            lambda: frame.locator(NODES).count() >= 4, "the nodes", seen=lambda: frame.locator(NODES).count()
        )

    def click_node(self) -> None:
        """Clicking a node reveals its line."""
        line, _ = self.find(self.project.node)
        self.workbench.focus_editor()
        self.workbench.go_to(1)
        self._node().click()
        self.workbench.until(
            lambda: self.workbench.cursor_line() == line, f"line {line}", seen=self.workbench.cursor_line
        )

    def move_cursor(self) -> None:
        """Moving the cursor lights the node of its line."""
        frame = self._graph()
        self.workbench.focus_editor()
        self.workbench.go_to(1)
        self.workbench.go_to(*self.find(self.project.node))
        lit = frame.locator(LIT_NODE)

        def lit_text() -> str:
            return lit.first.text_content() or "" if lit.count() else ""

        self.workbench.until(lambda: self.project.node_text in lit_text(), "the node to be lit", seen=lit_text)

    def pin_input(self) -> None:
        """Another input is pinned, and the batch that it folds is found."""
        self.workbench.focus_editor()
        line, column = self.find(self.project.pinned.place)
        self.workbench.go_to(line, column)
        self.workbench.run("PyModel: Set Example Input…")
        self.workbench.answer(self.project.pin)
        self.await_problem(self.project.pinned)
        self.await_lens(self.project.pinned_lens)

    def unpin_input(self) -> None:
        """Undo takes the pin away, and the lens is as before."""
        self.workbench.undo()
        self.await_no_problems()
        self.workbench.close_panel()
        self.await_lens(self.project.lens)

    def train(self) -> None:
        """At most two questions, then live curves."""
        self.workbench.focus_editor()
        self.workbench.run("PyModel: Train Model")
        self._answer_at_most(2, (self.project.model, self.project.data), ".plots figure canvas")
        frame = self.workbench.webview(".plots figure canvas", seconds=60)
        self.workbench.until(lambda: "train/loss" in self._text(frame, "body"), "the loss")

    def reload_while_training(self) -> None:
        """Training goes on when the window is reloaded, and the panel finds it again."""
        assert self._state() in ("running", "queued"), f"the run is {self._state()} before the reload"
        self.workbench.reload()
        self.workbench.webview(".plots figure canvas", seconds=60)

    def finish_training(self) -> None:
        """The run completes, with the accuracy that it ought to have and a checkpoint."""
        self.workbench.until(
            lambda: self._state() in ("completed", "failed", "stopped"),
            "the run to end",
            seconds=TRAINING_SECONDS,
            every=0.5,
            seen=self._state,
        )
        text = self._text(self._runs(), "body")
        assert self._state() == "completed", text
        assert "test/loss" in text, text
        accuracies = [float(value) for value in re.findall(r"accuracy\s+([01]\.\d+|[01])", text)]
        if self.project.accuracy is None:
            assert not accuracies, text
        else:
            assert max(accuracies, default=0) > self.project.accuracy, text
        assert list(self.folder.glob(".pymodel/runs/*/checkpoints/*/weights.pt"))

    def export(self) -> None:
        """ONNX from that checkpoint: written, checked against PyTorch, and opened in the panel."""
        self.workbench.open_file(self.project.file)
        self.await_lens(self.project.lens)
        self.workbench.focus_editor()
        self.workbench.run("PyModel: Export Model…")
        self._answer_at_most(4, (self.project.model, "ONNX", "/loss", "/accuracy"), "")
        self.workbench.until(
            lambda: any("Exported to" in text and "checked" in text for text in self.workbench.notifications()),
            "the result of the export",
            seconds=120,
            seen=self.workbench.notifications,
        )
        assert list(self.folder.rglob("*.onnx"))
        self.workbench.until(
            # SVG has no inner text
            lambda: "Conv" in " ".join(self._graph().locator(NODES).all_text_contents()),
            "the file's nodes in the panel",
        )

    # What the steps share

    def await_lens(self, expected: str, seconds: float = 60) -> None:
        def shown() -> bool:
            return any(re.search(expected, text) for text in self.workbench.code_lenses())

        def shown_in_time() -> bool:
            if shown():
                return True
            # VS Code forgets to ask for new lenses where the editor loses the focus meanwhile, until it has it again.
            self.workbench.focus_editor()
            try:
                return self.workbench.until(shown, "the lens", seconds=5)
            except AssertionError:
                return False

        self.workbench.until(shown_in_time, f"a lens with {expected}", seconds=seconds, seen=self.workbench.code_lenses)

    def await_problem(self, change: Change) -> None:
        line, _ = self.find(Place(change.faulty, change.faulty))

        def found() -> bool:
            return any(re.search(change.problem, text) and f"[Ln {line}," in text for text in self.workbench.problems())

        self.workbench.until(found, f"{change.problem} on line {line}", seen=self.workbench.problems)

    def await_no_problems(self) -> None:
        self.workbench.until(
            lambda: not any("pymodel" in text.lower() for text in self.workbench.problems()),
            "no problems",
            seen=self.workbench.problems,
        )

    def _answer_at_most(self, limit: int, answers: tuple[str, ...], until: str) -> None:
        """Answer the questions that come, until there is a notification or a webview with `until`."""
        asked: list[list[str]] = []

        def done() -> bool:
            if self.workbench.asks():
                picks = self.workbench.quick_picks()
                answer = next((each for each in answers if any(each in text for text in picks)), None)
                if answer and picks not in asked:
                    asked.append(picks)
                    self.workbench.pick(answer)
                return False
            if until:
                return self._shown(until)
            return bool(self.workbench.notifications())

        self.workbench.until(done, "an end of the questions", seconds=60, every=0.3, seen=self.workbench.quick_picks)
        assert len(asked) <= limit, asked

    def _shown(self, selector: str) -> bool:
        return any(frame.locator(selector).count() for frame in self.workbench.page.frames)

    def _graph(self) -> Frame:
        return self.workbench.webview(NODES)

    def _runs(self) -> Frame:
        return self.workbench.webview(".state")

    def _state(self) -> str:
        state = self._runs().locator(".state").first.get_attribute("class") or ""
        return state.removeprefix("state").strip()

    def _node(self) -> Locator:
        return self._graph().locator(NODES).filter(has_text=self.project.node_text).first

    def _text(self, frame: Frame, selector: str) -> str:
        return " ".join(frame.locator(selector).all_inner_texts())

    def _matching(self, text: str, pattern: str) -> str | None:
        return text if re.search(pattern, text) else None


Step = Callable[[Walk], None]
STEPS: tuple[Step, ...] = (
    Walk.open_model,
    Walk.read_status,
    Walk.hover_everything,
    Walk.type_a_fault,
    Walk.undo_it,
    Walk.show_graph,
    Walk.click_node,
    Walk.move_cursor,
    Walk.pin_input,
    Walk.unpin_input,
    Walk.train,
    Walk.reload_while_training,
    Walk.finish_training,
    Walk.export,
)
