"""VS Code's window, as a person uses it: keyboard, mouse, and what can be read on the screen.

Each method waits for a state it can see, with a deadline, and fails with what was there instead. Nothing here knows
the extension's inside: this is the only file that knows VS Code's page.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from playwright.sync_api import Error, Frame, Locator, Page

Seen = TypeVar("Seen")
SECONDS = 20.0
SPACES = re.compile(r"\s+")


class Workbench:
    def __init__(self, page: Page) -> None:
        self.page = page
        self.keyboard = page.keyboard

    # Opening

    def open(self, address: str) -> None:
        self.page.goto(address)
        self.wait_until_usable()

    def reload(self) -> None:
        self.page.reload()
        self.wait_until_usable()

    def wait_until_usable(self) -> None:
        self.page.wait_for_selector(".monaco-workbench .statusbar", timeout=60_000)
        self.page.wait_for_selector(".explorer-folders-view, .editor-instance", timeout=60_000)

    def open_file(self, name: str) -> None:
        """Open a file of the workspace by its name, and wait until its text is there."""
        if self.active_file() == name.rpartition("/")[2]:
            self.focus_editor()
            return
        self._open_by_name(name)
        self.page.locator(".editor-group-container.active .monaco-editor .view-lines:visible").first.wait_for()

    def open_notebook(self, name: str) -> None:
        """Open a notebook by its name, and wait until its cells are there."""
        self._open_by_name(name)
        self.page.locator(".notebookOverlay .view-lines:visible").first.wait_for()

    def _open_by_name(self, name: str) -> None:
        # An exact path is not offered at once: the first answers come from the history.
        self._ask("Control+p", name, lambda: name.rpartition("/")[2] in " ".join(self.quick_picks()[:1]))
        self.keyboard.press("Enter")
        self.until(lambda: self.active_file() == name.rpartition("/")[2], f"{name} to be open")

    def active_file(self) -> str:
        """The name in the window's title, which a dot leads while there are unsaved changes."""
        return self.page.title().removeprefix("● ").split(" - ")[0]

    def focus_editor(self) -> None:
        self.run("View: Focus Active Editor Group")

    # Commands

    def run(self, title: str) -> None:
        """Run a command from the palette by its exact title."""

        def offered() -> bool:
            first = self.page.locator(".quick-input-list .monaco-list-row").first
            return first.count() > 0 and self._text(first.locator(".label-name").first).casefold() == title.casefold()

        # The palette knows the commands of the moment it was opened; an extension's may come later.
        self._ask("F1", f">{title}", offered)
        self.keyboard.press("Enter")

    def _ask(self, key: str, text: str, offered: Callable[[], bool]) -> None:
        """Open a list of VS Code by its key and type into it, again until what is meant is offered."""

        def opened_with_it() -> bool:
            self.keyboard.press("Escape")
            self.keyboard.press(key)
            try:
                self._type_into_quick_input(text)
                return self.until(offered, "the answer", seconds=2)
            except (AssertionError, Error):
                return False

        self.until(opened_with_it, f"“{text}” to be offered", seconds=2 * SECONDS, seen=self.quick_picks)

    def _show(self, shown: Callable[[], bool], command: str) -> None:
        """Run a command that changes what is shown, again where a busy window took the key and did nothing."""

        def run_and_look() -> bool:
            if shown():
                return True
            self.run(command)
            try:
                return self.until(shown, command, seconds=3)
            except AssertionError:
                return False

        self.until(run_and_look, f"what “{command}” shows")

    def _type_into_quick_input(self, text: str, seconds: float = 5) -> None:
        box = self.page.locator(".quick-input-widget:visible input").first
        box.wait_for(timeout=seconds * 1000)
        box.fill(text, timeout=3000)  # one that is closing never takes it

    def quick_picks(self) -> list[str]:
        rows = self.page.locator(".quick-input-widget:visible .quick-input-list .monaco-list-row")
        return [self._clean(text) for text in rows.all_inner_texts()]

    def pick(self, text: str) -> None:
        """Choose the entry that holds `text` in the list that is open."""
        row = self.page.locator(".quick-input-widget:visible .quick-input-list .monaco-list-row").filter(has_text=text)
        self.until(lambda: row.count() > 0, f"“{text}” among the choices", seen=self.quick_picks)
        row.first.click()

    def run_and_pick(self, command: str, text: str) -> None:
        """Run a command that asks, and choose the entry with `text`; again where a busy window took the list away."""

        def picked() -> bool:
            self.run(command)
            try:
                self.until(lambda: any(text in each for each in self.quick_picks()), "the list", seconds=5)
                self.pick(text)
            except (AssertionError, Error):
                return False
            return True

        self.until(picked, f"“{text}” among the choices of “{command}”", seconds=2 * SECONDS, seen=self.quick_picks)

    def asks(self) -> bool:
        """Whether a list or an input box of VS Code waits for an answer."""
        return self.page.locator(".quick-input-widget:visible").count() > 0

    def answer(self, text: str) -> None:
        """Fill the input box that is open, and accept."""
        self._type_into_quick_input(text, SECONDS)
        self.keyboard.press("Enter")

    # Text

    def go_to(self, line: int, column: int = 0) -> None:
        """Put the cursor there; line 1-based, column 0-based."""

        def asked() -> bool:
            # A palette that is about to close may take the key, or be filled in the place of the one to come.
            if self.asks():
                return False
            self.keyboard.press("Control+g")
            try:
                self.page.locator(".quick-input-widget:visible input").first.fill(f":{line}:{column + 1}", timeout=2000)
            except Error:
                self.keyboard.press("Escape")
                return False
            return True

        def went() -> bool:
            if not asked():
                return False
            self.keyboard.press("Enter")
            try:
                return self.until(lambda: f"Ln {line}, Col {column + 1}" in self.status_bar(), "the cursor", seconds=5)
            except AssertionError:
                return False

        self.until(went, "the cursor to be there", seconds=2 * SECONDS, seen=self.status_bar)

    def replace(self, line: int, column: int, old: str, new: str) -> None:
        """Type over `old`, which stands at that place."""
        self.go_to(line, column)
        for _ in old:
            self.keyboard.press("Shift+ArrowRight")
        self.keyboard.type(new) if new else self.keyboard.press("Delete")

    def undo(self) -> None:
        """Until the file is as it is on disk."""
        self.focus_editor()
        self.until(lambda: not self.is_changed() or self.keyboard.press("Control+z") is not None, "undo", every=0.3)

    def save(self) -> None:
        self.run("File: Save")
        self.until(lambda: not self.is_changed(), "the file to be saved")

    def is_changed(self) -> bool:
        return self.page.title().startswith("● ")

    def cursor_line(self) -> int:
        found = re.search(r"Ln (\d+)", self.status_bar())
        return int(found[1]) if found else 0

    # What is shown

    def code_lenses(self) -> list[str]:
        return [self._clean(text) for text in self.page.locator(".codelens-decoration").all_inner_texts()]

    def inlay_hints(self) -> str:
        """All visible lines' text, hints included."""
        return " ".join(self._clean(text) for text in self.page.locator(".view-line").all_inner_texts())

    def hover(self, line: int, column: int, expected: str, seconds: float = SECONDS) -> str:
        """Hold the mouse over a place until the hover there holds `expected` (a regular expression)."""
        self.focus_editor()
        self.go_to(line, column)
        deadline = time.monotonic() + seconds
        text = ""
        while time.monotonic() < deadline:
            box = self.page.locator(".editor-group-container.active .cursors-layer .cursor").first.bounding_box()
            assert box, "the editor has no cursor"
            self.page.mouse.move(box["x"] + 250, box["y"] + 150)
            self.page.mouse.move(box["x"] + 3, box["y"] + box["height"] / 2, steps=4)
            try:
                self.until(lambda: re.search(expected, self._hover_text()), "a hover", seconds=3)
            except AssertionError:
                text = self._hover_text() or text
                self.keyboard.press("Escape")
                continue
            return self._hover_text()
        raise AssertionError(f"the hover at {line}:{column} has no {expected!r}, but: {text!r}")

    def close_hover(self) -> None:
        self.page.mouse.move(5, 5)
        self.keyboard.press("Escape")

    def _hover_text(self) -> str:
        texts = self.page.locator(".monaco-editor .monaco-hover:visible, .monaco-resizable-hover:visible")
        return self._clean(" ".join(texts.all_inner_texts()))

    def problems(self) -> list[str]:
        """The rows of the Problems panel, which is opened if need be."""
        self._show(lambda: self.page.locator(".markers-panel:visible").count() > 0, "Problems: Focus on Problems View")
        rows = self.page.locator(".markers-panel .monaco-list-row").all_inner_texts()
        return [self._clean(text) for text in rows]

    def close_panel(self) -> None:
        self._show(lambda: self.page.locator(".part.panel:visible").count() == 0, "View: Hide Panel")

    def status_bar(self) -> str:
        return self._clean(" ".join(self.page.locator(".statusbar .statusbar-item").all_inner_texts()))

    def language_status(self) -> str:
        """What the language status item (the braces in the status bar) says when the mouse is held over it."""
        self.page.mouse.move(5, 5)
        self.page.locator("[id='status.languageStatus']").first.hover()
        items = self.page.locator(".hover-language-status")
        try:
            items.first.wait_for(timeout=3000)
        except Error:
            return ""
        return self._clean(" ".join(items.all_inner_texts()))

    def notifications(self) -> list[str]:
        return [self._clean(text) for text in self.page.locator(".notification-toast").all_inner_texts()]

    def close_notifications(self) -> None:
        if self.page.locator(".notification-toast").count():
            self.run("Notifications: Clear All Notifications")

    def press_button(self, title: str) -> None:
        """Press a button of a dialog or of a notification."""
        button = self.page.locator(".monaco-dialog-box, .notification-toast").get_by_role("button", name=title)
        button.first.click(timeout=SECONDS * 1000)

    # Webviews

    def webview(self, selector: str, seconds: float = SECONDS) -> Frame:
        """The webview in which something visible matches `selector`."""

        def find() -> Frame | None:
            for frame in self.page.frames:
                try:
                    # Not by the frame's name: VS Code renames it after it was made, and Playwright keeps the first one.
                    if frame is not self.page.main_frame and frame.locator(selector).first.is_visible():
                        return frame
                except Error:
                    # A frame may go away while it is looked at.
                    continue
            return None

        return self.until(find, f"a webview with {selector}", seconds=seconds)

    # Waiting, and pictures

    def until(
        self,
        look: Callable[[], Seen | None],
        what: str,
        *,
        seconds: float = SECONDS,
        every: float = 0.1,
        seen: Callable[[], object] | None = None,
    ) -> Seen:
        """Look again and again until there is something to see; then return it."""
        deadline = time.monotonic() + seconds
        while True:
            found = look()
            if found:
                return found
            if time.monotonic() > deadline:
                instead = f"; there is {seen()!r}" if seen else ""
                raise AssertionError(f"waited {seconds:g} s for {what}{instead}")
            self.page.wait_for_timeout(every * 1000)

    def screenshot(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=str(path))

    def _text(self, locator: Locator) -> str:
        try:
            return self._clean(locator.inner_text(timeout=1000))
        except Error:
            return ""

    def _clean(self, text: str) -> str:
        return SPACES.sub(" ", text.replace("​", "")).strip()
