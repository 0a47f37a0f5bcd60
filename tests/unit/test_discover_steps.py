"""Which statements of a script its training steps need, read as text."""

from __future__ import annotations

from pymodel.discover.document import parse_document
from pymodel.discover.steps import Script, find_relevant, find_script

SCRIPT = """\
import torch, wandb

def helper(x):
    return x

def train_epoch(model, loader):
    wandb.watch(model)
    total = 0.0
    unused = helper(3)
    for x, y in loader:
        loss = model(x).sum()
        loss.backward()
        total += loss.item()
    return total

@torch.no_grad()
def evaluate(model, loader):
    for x, y in loader:
        print(model(x))

def main():
    wandb.init()
    name = "run"
    loader = make_loader()
    model = Net()
    model.to("cpu")
    for epoch in range(10):
        train_epoch(model, loader)
        evaluate(model, loader)
    torch.save(model, name)

if __name__ == "__main__":
    main()
"""


def read(text: str) -> Script | None:
    return find_script(parse_document("train.py", text))


def kept_lines(script: Script, function: str) -> list[int]:
    return sorted(each.lineno for each in find_relevant(script.functions[function].body, script))


def test_a_script_is_followed_from_its_top_to_its_steps() -> None:
    script = read(SCRIPT)
    assert script is not None
    assert script.target == "train.py::__main__"
    assert list(script.functions) == ["train_epoch", "evaluate", "main"]
    assert (script.from_top, script.entries, script.line) == (True, (), 12)


def test_what_is_there_for_its_effect_is_left_out() -> None:
    script = read(SCRIPT)
    assert script is not None
    assert kept_lines(script, "train_epoch") == [8, 10, 11, 12, 13, 14]
    assert kept_lines(script, "main") == [24, 25, 26, 27, 28, 29]


def test_a_function_that_nothing_calls_is_an_entry() -> None:
    script = read(
        "class Trainer:\n    def fit(self):\n        for x in self.data:\n            self.loss(x).backward()\n"
    )
    assert script is not None
    assert (script.entries, script.from_top) == (("Trainer.fit",), False)


def test_models_and_autograd_functions_are_no_scripts() -> None:
    assert read("import torch\nclass Net(torch.nn.Module):\n    def forward(self, x):\n        return x\n") is None
    assert read("class F(Function):\n    @staticmethod\n    def backward(ctx, g):\n        return g\n") is None
    assert read("") is None
