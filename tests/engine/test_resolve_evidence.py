"""What the oracle reads beyond the class: READMEs, neighbours' settings, argparse, and the code's own arithmetic."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from .test_resolve import dims, solve


def write(path: Path, init: str, forward: str, *, parameters: str = "", head: str = "") -> Path:
    path.write_text(
        f"{head}from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self{parameters}):\n"
        f"        super().__init__()\n        {init}\n\n    def forward(self, x):\n        return {forward}\n"
    )
    return path


@pytest.mark.parametrize(
    ("channels", "flattened"),
    [
        (32, "conv(x).view(-1, 64 * 10 * 10)"),
        (32, "conv(x).view(-1, 6400)"),
        (32, "conv(x).flatten(1)"),
        (128, "conv(x).flatten(1)"),
    ],
)
def test_where_no_size_runs_the_one_that_the_code_means_is_taken(tmp_path: Path, channels: int, flattened: str) -> None:
    init = f"self.conv = nn.Conv2d(3, {channels}, 3); self.fc = nn.Linear(64 * 10 * 10, 10)"
    found = solve(write(tmp_path / "net.py", init, f"self.fc(self.{flattened})"), "Net")
    assert (dims(found), found.verified) == ([("B", 3, 12, 12)], False)


def test_a_size_at_which_the_batch_folds_is_not_taken(tmp_path: Path) -> None:
    init = "self.conv = nn.Conv2d(3, 64, 3); self.fc = nn.Linear(6400, 10)"
    found = solve(write(tmp_path / "net.py", init, "self.fc(self.conv(x).view(-1, 6400))"), "Net")
    assert (dims(found), found.verified) == ([("B", 3, 12, 12)], True)


def test_a_readme_shows_how_it_is_made_and_called(tmp_path: Path) -> None:
    init = "self.fc = nn.Linear(spec[0], spec[1]); self.gain = gain"
    path = write(tmp_path / "net.py", init, "self.fc(x) * self.gain", parameters=", spec, gain")
    readme = tmp_path / "README.md"
    readme.write_text(
        "# Net((1, 1), 1)\n\n```python\nimport torch\nfrom net import Net\n\nnet = Net((7, 3), gain=2.0)\n"
        "net(torch.randn(2, 11, 7))\n```\n"
    )
    found = solve(path, "Net")
    assert found.construction.expression == "Net((7, 3), gain=2.0)"
    assert (found.construction.source.path, found.construction.source.line) == (str(readme), 7)
    assert dims(found) == [("B", 11, 7)]


def test_settings_of_a_neighbour_are_matched_by_the_keys_that_the_class_reads(tmp_path: Path) -> None:
    init = "self.fc = nn.Linear(cfg['width'], cfg['classes'])"
    path = write(tmp_path / "net.py", init, "self.fc(x)", parameters=", cfg")
    (tmp_path / "train.py").write_text(
        "from net import Net\n\n\ndef main(cfg):\n    return Net(cfg)\n\n\nif __name__ == '__main__':\n"
        "    OTHER = {'width': 3}\n    SETTINGS = {'width': 21, 'classes': 4, 'lr': 0.1}\n    run(main, SETTINGS)\n"
    )
    found = solve(path, "Net")
    assert (found.construction.expression, found.construction.source.kind) == ("Net(SETTINGS)", "config")
    assert dims(found) == [("B", 21)]


def test_the_command_line_gives_its_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["pymodel", "--what", "is this"])
    head = (
        "import argparse\nparser = argparse.ArgumentParser()\nparser.add_argument('data')\n"
        "parser.add_argument('--width', type=int, default=9)\noptions = parser.parse_args()\n"
    )
    found = solve(write(tmp_path / "net.py", "self.fc = nn.Linear(options.width, 2)", "self.fc(x)", head=head), "Net")
    assert dims(found) == [("B", 9)]


def test_a_missing_package_that_only_fills_weights_is_done_without(tmp_path: Path) -> None:
    head = "from a_package_that_is_not_there import trunc_normal_\n"
    init = "self.fc = nn.Linear(6, 2); trunc_normal_(self.fc.weight, std=0.02)"
    path = write(tmp_path / "net.py", init, "self.fc(x)", head=head)
    found = solve(path, "Net")
    assert (dims(found), found.verified) == ([("B", 6)], True)


def test_an_optional_argument_that_is_needed_after_all_is_given(tmp_path: Path) -> None:
    folder = tmp_path / "torch"  # the user's own, of that name
    folder.mkdir()
    path = folder / "blocks.py"
    path.write_text(
        "from torch import nn\n"
        "class Block(nn.Module):\n"
        "    def __init__(self, width, norm_layer=None):\n"
        "        super().__init__()\n"
        "        self.conv = nn.Conv2d(width, width, 3, padding=1)\n"
        "        self.norm = norm_layer(width)\n"
        "    def forward(self, x):\n"
        "        return self.norm(self.conv(x))\n"
    )
    found = solve(path, "Block")
    assert found.verified, found.attempts
    assert found.construction.expression == "Block(width=16, norm_layer=__import__('torch').nn.BatchNorm2d)"


def test_what_takes_any_number_of_arguments_is_taken_for_none(tmp_path: Path) -> None:
    path = tmp_path / "factory.py"
    path.write_text(
        "from torch import nn\n"
        "class Net(nn.Module):\n"
        "    def __init__(self, width, bias=True):\n"
        "        super().__init__()\n"
        "        self.layer = nn.Linear(width, 3, bias=bias)\n"
        "    def forward(self, x):\n"
        "        return self.layer(x)\n"
        "def net_24(*args, **kwargs):\n"
        "    return Net(24, *args, **kwargs)\n"
    )
    found = solve(path, "Net")
    assert (found.verified, found.construction.source.kind) == (True, "call-site")
    assert found.make().layer.in_features == 24


def test_annotated_settings_are_made_though_they_lack_what_only_a_branch_reads(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(
        "from dataclasses import dataclass\nfrom torch import nn\n\n@dataclass\nclass Config:\n    width: int = 21\n"
        "    kind: str = 'plain'\n\nclass Net(nn.Module):\n    def __init__(self, config: Config):\n"
        "        super().__init__()\n        if config.kind == 'other':\n"
        "            self.extra = nn.Linear(config.more, 1)\n"
        "        self.layer = nn.Linear(config.width, 2)\n\n    def forward(self, x):\n        return self.layer(x)\n"
    )
    found = solve(path, "Net")
    assert (found.construction.expression, found.construction.source.kind) == ("Net(Config())", "config")
    assert dims(found) == [("B", 21)]
