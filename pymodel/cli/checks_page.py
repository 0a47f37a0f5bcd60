"""docs/checks.md by its sections: what each finding means, why it matters, and how to mend it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
PLACES = (PACKAGE / "checks.md", PACKAGE.parent / "docs" / "checks.md")
"""In an installed package, and in the project's own folder."""


@cache
def read_checks() -> dict[str, str]:
    """By code, the Markdown of its section; nothing where the page was not installed."""
    page = next((path.read_text(encoding="utf-8") for path in PLACES if path.is_file()), "")
    sections = (part.partition("\n") for part in page.split("\n## ")[1:])
    return {heading.strip(): body.strip() for heading, _, body in sections}
