"""Elements of a page. What is not an element already is text, and is escaped."""

from __future__ import annotations

import base64
import hashlib
import html
import math
from pathlib import Path

from ...schema import Histogram

LONGEST = 300
"""Characters of a text that are shown: names come from files that anybody may have made."""


class Html(str):
    """A part of a page, escaped already."""


Attribute = str | int | float | bool | None


def tag(name: str, *children: str, **attributes: Attribute) -> Html:
    """An element. `class_` is `class`, `data_heat` is `data-heat`; an attribute of None or False is left out."""
    given = [(key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items()]
    texts = [f' {key}="{html.escape(str("" if value is True else value))}"' for key, value in given if not _off(value)]
    inner = "".join(child if isinstance(child, Html) else html.escape(clip(child)) for child in children)
    return Html(f"<{name}{''.join(texts)}>{inner}</{name}>")


def image(content: bytes, text: str, scale: Attribute = None) -> Html:
    """A PNG within the page. `scale` is a class of the style."""
    data = base64.b64encode(content).decode("ascii")
    return Html(f'<img src="data:image/png;base64,{data}" alt="{html.escape(text)}" class="{scale or ""}">')


def histogram(drawn: Histogram | None, text: str = "") -> Html:
    """Bars as one path, 20 high."""
    if drawn is None:
        return Html("")
    most = max(drawn.counts) or 1
    heights = [0 if count == 0 else max(0.7, 20 * count / most) for count in drawn.counts]
    path = "".join(f"M{left} 20V{20 - height:.1f}h1V20z" for left, height in enumerate(heights) if height)
    title = tag("title", text or f"from {number(drawn.low)} to {number(drawn.high)}")
    box = f"0 0 {len(heights)} 20"
    return tag(
        "svg", title, tag("path", d=path), class_="histogram", viewBox=box, preserveAspectRatio="none", role="img"
    )


def number(value: float | int | None) -> str:
    """A number as people read it: whole ones with their thousands apart, others with four digits."""
    if value is None:
        return "–"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if math.isfinite(value) else str(value)


def size(count: int) -> str:
    """A byte count: `27.5 kB`."""
    step = min(4, int(math.log10(max(count, 1)) // 3))
    return f"{count / 1000**step:.3g} {('B', 'kB', 'MB', 'GB', 'TB')[step]}"


def shape(dims: tuple[int, ...]) -> str:
    return "×".join(map(str, dims)) if dims else "()"


def clip(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def format_page(title: str, *body: Html) -> str:
    """A whole page."""
    folder = Path(__file__).parent
    style, script = ((folder / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    policy = f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)}"
    head = [
        Html('<meta charset="utf-8">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        tag("title", title),
        Html(f"<style>{style}</style>"),
    ]
    main = tag("main", tag("h1", tag("bdi", title)), *body)
    parts = [tag("head", *head), tag("body", main, Html(f"<script>{script}</script>"))]
    return f"<!DOCTYPE html>\n{tag('html', *parts, lang='en')}\n"


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"


def _off(value: Attribute) -> bool:
    return value is None or value is False
