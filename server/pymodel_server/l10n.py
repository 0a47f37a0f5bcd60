"""The server's own words in the editor's language, from the bundles that hold the extension's texts too.

What the engine says of the user's code (findings, sources of an input) is English, as PyTorch's own errors are.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path

BUNDLES = Path(__file__).resolve().parents[2] / "l10n"

log = logging.getLogger(__name__)

_translations: dict[str, str] = {}


def use_language(locale: str | None) -> None:
    """Take the bundle of a locale (`pt-br`), else of its language (`pt`); where there is neither, stay with English."""
    _translations.clear()
    names = [locale.lower(), locale.lower().partition("-")[0]] if locale else []
    path = next((path for name in names if (path := BUNDLES / f"bundle.l10n.{name}.json").is_file()), None)
    if path is None:
        return
    try:
        _translations.update(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        log.warning("the translations in %s cannot be read: %s", path, error)


def t(text: str, *values: object) -> str:
    """The text in the editor's language, with `{0}`, `{1}`, … replaced by the values. `text` is one plain literal."""
    return _translations.get(text, text).format(*values)
