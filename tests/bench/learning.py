"""What the sample's recipes learn: digits, and few labels of text with and without the pre-training before.

`python -m tests.bench.learning docs/images/fine-tuning.svg` draws the second as the README shows it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import mean

from pymodel.runs import read_metrics
from pymodel.samples import create_sample_project

SEEDS = range(5)
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 640, 300, 56, 24, 150, 44


def measure() -> dict[str, list[float]]:
    """Accuracies on the test sets: one of `digits`, one a seed of `scratch` and of `fine_tuned`."""
    with tempfile.TemporaryDirectory() as folder:
        create_sample_project(Path(folder))
        digits = _test_accuracy(_train(Path(folder, "image_classifier/digits.recipe.toml")))
        runs = _compare(Path(folder, "text_classifier"))
        return {"digits": [digits], **{name: [_test_accuracy(run) for run in each] for name, each in runs.items()}}


def draw(path: Path) -> None:
    """The mean validation accuracy of each epoch, over all seeds, and the band that the seeds fill."""
    with tempfile.TemporaryDirectory() as folder:
        create_sample_project(Path(folder))
        runs = _compare(Path(folder, "text_classifier"))
        path.write_text(_to_svg({name: [_curve(run) for run in each] for name, each in runs.items()}))


def _compare(folder: Path) -> dict[str, list[Path]]:
    """The runs of the fine-tuning recipe, with its last section and without, for each seed."""
    _train(folder / "pretrain.recipe.toml")
    recipe = (folder / "finetune.recipe.toml").read_text()
    runs: dict[str, list[Path]] = {"scratch": [], "fine_tuned": []}
    for seed in SEEDS:
        for name in runs:
            seeded = recipe.replace("[run]\n", f"[run]\nseed = {seed}\n")
            own = folder / f"{name}{seed}.recipe.toml"
            own.write_text(seeded if name == "fine_tuned" else seeded.partition("[fine_tuning]")[0])
            runs[name].append(_train(own))
    return runs


def _train(recipe: Path) -> Path:
    command = [sys.executable, "-P", "-m", "pymodel", "train", recipe.name, "--json"]
    found = subprocess.run(command, cwd=recipe.parent, capture_output=True, text=True, check=True)
    return Path(json.loads(found.stdout)["run"])


def _test_accuracy(run: Path) -> float:
    return _values(run, "test/accuracy")[-1]


def _curve(run: Path) -> list[float]:
    return _values(run, "validation/accuracy")


def _values(run: Path, name: str) -> list[float]:
    return [float(row.values[name]) for row in read_metrics(run)[0] if name in row.values]


def _to_svg(curves: dict[str, list[list[float]]]) -> str:
    epochs = len(curves["scratch"][0])

    def place(epoch: int, accuracy: float) -> str:
        x = LEFT + (WIDTH - LEFT - RIGHT) * epoch / (epochs - 1)
        return f"{x:.1f},{TOP + (HEIGHT - TOP - BOTTOM) * (1 - accuracy):.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"'
        ' font-size="13">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
    ]
    for tenth in range(0, 11, 2):
        (x, y), end = place(0, tenth / 10).split(","), WIDTH - RIGHT
        parts.append(f'<line x1="{x}" y1="{y}" x2="{end}" y2="{y}" stroke="#dddddd"/>')
        parts.append(
            f'<text x="{LEFT - 8}" y="{float(y) + 4:.1f}" text-anchor="end" fill="#555555">{tenth * 10} %</text>'
        )
    styles = {
        "fine_tuned": ("#0072b2", "pre-trained", ""),
        "scratch": ("#d55e00", "from scratch", ' stroke-dasharray="6 4"'),
    }
    for name, (colour, title, dash) in styles.items():
        columns = list(zip(*curves[name], strict=True))
        edge = [place(epoch, max(each)) for epoch, each in enumerate(columns)]
        edge += [place(epoch, min(each)) for epoch, each in reversed(list(enumerate(columns)))]
        line = [place(epoch, mean(each)) for epoch, each in enumerate(columns)]
        parts.append(f'<polygon points="{" ".join(edge)}" fill="{colour}" opacity="0.18"/>')
        parts.append(f'<polyline points="{" ".join(line)}" fill="none" stroke="{colour}" stroke-width="2.5"{dash}/>')
        x, y = line[-1].split(",")
        parts.append(f'<text x="{float(x) + 8:.1f}" y="{float(y) + 4:.1f}" fill="{colour}">{title}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(
        f'<text x="{middle}" y="{HEIGHT - 10}" text-anchor="middle" fill="#555555">epochs 1 to {epochs}</text>'
    )
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    if sys.argv[1] == "all":
        print(json.dumps(measure()))
    else:
        draw(Path(sys.argv[1]))
