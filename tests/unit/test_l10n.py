"""Every text that a person sees can be translated: manifest and client have all of theirs in bundles."""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KEY = re.compile(r'"%([\w.]+)%"')
TEXT = re.compile(r'\bl10n\.t\(\s*("(?:[^"\\]|\\.)*")')
CALL = re.compile(r"\bl10n\.t\(")


def test_manifest_keys_and_their_texts_are_the_same_set() -> None:
    used = set(KEY.findall((ROOT / "package.json").read_text(encoding="utf-8")))
    written = set(json.loads((ROOT / "package.nls.json").read_text(encoding="utf-8")))
    assert used
    assert used == written


def test_client_texts_are_in_the_bundle() -> None:
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "extension/src").rglob("*.ts")]
    literals = [match for source in sources for match in TEXT.findall(source)]
    bundle = json.loads((ROOT / "l10n/bundle.l10n.json").read_text(encoding="utf-8"))
    assert {json.loads(literal) for literal in literals} == set(bundle), "run `npm run l10n`"
    calls = sum(len(CALL.findall(source)) for source in sources)
    assert len(literals) == calls, "a text of l10n.t must be one plain literal"
