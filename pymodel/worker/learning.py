"""How what one analysis asked torch is known to the next: the child tells its questions, never its answers.

User code runs in the child and could write whatever it likes to its pipe, so nothing that a child says of torch is
believed. The zygote forks a process that runs no user code, under the same guard and after all others in turn: it puts
the questions to its own torch, and tells the answers. A question that hangs or crashes costs that process and no other.
"""

from __future__ import annotations

import json
import os
import selectors
import time
from dataclasses import dataclass, field
from typing import Any, NoReturn

from ..trace.memo import MAX_ANSWERS, shared_memo
from ..trace.questions import Unreadable, ask_again, read_answer, read_question, tell_question
from . import guard, limits, seccomp

MAX_QUESTIONS = 4000
"""Of one analysis, and of one process that answers."""
SECONDS = 5.0
POLITENESS = 10
"""How much this process is nicer than an analysis that may run beside it."""


def tell_new_questions(known: int) -> list[Any]:
    """What was asked since the memo held `known` answers."""
    asked = list(shared_memo().answers)[known : known + MAX_QUESTIONS]
    return [question for key in asked if (question := tell_question(key)) is not None]


@dataclass
class Learning:
    """The zygote's side. `selector` tells when the process that answers has said something."""

    selector: selectors.BaseSelector
    pending: list[Any] = field(default_factory=list)
    pid: int = 0
    result: int = -1
    deadline: float = 0.0
    said: bytes = b""

    def hear(self, questions: Any) -> None:
        """Take down what a child told; whether it is sense is seen where it is read."""
        if isinstance(questions, list) and not self.pid:
            self.pending = [*self.pending, *questions][-MAX_QUESTIONS:]

    def start(self) -> None:
        """Fork a process that answers, if there is something to ask and none is under way."""
        if self.pid or not self.pending or len(shared_memo().answers) >= MAX_ANSWERS:
            return
        questions, self.pending = self.pending, []
        self.result, sink = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                _answer(questions, sink)
            finally:
                os._exit(70)
        os.close(sink)
        self.deadline = time.monotonic() + SECONDS
        self.selector.register(self.result, selectors.EVENT_READ, self)

    def read(self) -> None:
        data = os.read(self.result, 1 << 20)
        self.said += data
        if not data:
            self.end()

    def end(self) -> None:
        """Take over what was answered in whole lines; the process goes, if it has not gone."""
        self.selector.unregister(self.result)
        os.close(self.result)
        limits.kill(self.pid)
        os.waitpid(self.pid, 0)
        lines, self.said, self.pid = self.said.split(b"\n")[:-1], b"", 0
        memo = shared_memo()
        for line in lines:
            try:
                key, answer = read_answer(memo, json.loads(line))
            except Unreadable:  # user code cannot have written it; but what is wrong is not kept
                continue
            memo.remember(key, answer)


def _answer(questions: list[Any], result: int) -> NoReturn:
    """Put questions to torch in a process of its own; one line of JSON for each answer."""
    os.setsid()
    os.nice(POLITENESS)
    limits.die_with_parent()
    limits.silence(keep=(result,))
    limits.limit_resources()
    seccomp.install_filter()
    guard.arm()
    memo = shared_memo()
    for question in questions:
        try:
            known = read_question(memo, question) in memo.answers
            answer = None if known else ask_again(memo, question)
        except Unreadable:
            continue
        if answer is not None:
            os.write(result, json.dumps(answer).encode() + b"\n")
    os._exit(0)
