"""Slicing: definitions run, and what they need; nothing runs for its effect."""

from __future__ import annotations

import ast
import textwrap

from pymodel.discover.slicing import slice_module


def kept(text: str, *names: str) -> str:
    return ast.unparse(slice_module(ast.parse(textwrap.dedent(text)), names).tree)


def skipped(text: str) -> list[str]:
    return [ast.unparse(each) for each in slice_module(ast.parse(textwrap.dedent(text)), ("Net",)).skipped]


SCRIPT = """
'''A script.'''
import torch
try:
    import apex
except ImportError:
    apex = None
WIDTH = compute()
SIZES = {"a": [1, 2 * 3]}
unused = load()
data: list = open("data").read()
torch.manual_seed(0)
class Net(Base):
    rate = default_rate()
    def __init__(self): self.width = helper(WIDTH)
def helper(x): return x + offset
offset = start()
def train(): return data
model = Net()
model.load_state_dict(torch.load("x"))
for batch in data: step(batch)
with torch.no_grad(): model(1)
if torch.cuda.is_available(): DEVICE = "cuda"
else: DEVICE = "cpu"
if __name__ == "__main__": train()
"""


def test_what_the_class_needs_runs_and_nothing_else() -> None:
    text = kept(SCRIPT, "Net")
    for line in ("import torch", "import apex", "WIDTH = compute()", "offset = start()", "def helper", "class Net"):
        assert line in text
    for line in ("unused", "open(", "load_state_dict", "manual_seed", "for batch", "with ", "__main__", "Net()"):
        assert line not in text
    assert "SIZES = {'a': [1, 2 * 3]}" in text


def test_a_variable_can_be_asked_for() -> None:
    assert "model = Net()" in kept(SCRIPT, "model")


def test_what_a_definition_reads_while_it_is_defined_is_needed() -> None:
    text = kept("a = f()\nb = f()\nc = f()\ndef g(x=a): return c\nclass D(b): pass\nclass Net: pass\n", "Net")
    assert "a = f()" in text
    assert "b = f()" in text
    assert "c = f()" not in text


def test_without_names_every_definition_counts() -> None:
    assert "c = f()" in kept("c = f()\ndef g(): return c\n")


def test_calls_that_are_left_out_are_told_unless_harmless() -> None:
    assert skipped(SCRIPT) == [
        "unused = load()",
        "data: list = open('data').read()",
        "model = Net()",
        "model.load_state_dict(torch.load('x'))",
        "for batch in data:\n    step(batch)",
        "with torch.no_grad():\n    model(1)",
    ]


def test_long_expressions_do_not_exhaust_the_stack() -> None:
    text = "class Net:\n    text = " + " + ".join(["a"] * 600) + "\na = f()\n"
    assert "a = f()" in [ast.unparse(each) for each in slice_module(ast.parse(text), ("Net",)).tree.body[1:]]
