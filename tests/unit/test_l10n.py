"""Every text that a person sees can be translated: manifest, client and server have all of theirs in bundles."""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KEY = re.compile(r'"%([\w.]+)%"')
LITERAL = r'\s*("(?:[^"\\]|\\.)*")'
CALLS = {ROOT / "extension/src": ("*.ts", r"\bl10n\.t\("), ROOT / "server/pymodel_server": ("*.py", r"(?<!def )\bt\(")}


def test_manifest_keys_and_their_texts_are_the_same_set() -> None:
    used = set(KEY.findall((ROOT / "package.json").read_text(encoding="utf-8")))
    written = set(json.loads((ROOT / "package.nls.json").read_text(encoding="utf-8")))
    assert used
    assert used == written


def test_texts_of_client_and_server_are_in_the_bundle() -> None:
    texts: set[str] = set()
    for folder, (files, call) in CALLS.items():
        sources = [path.read_text(encoding="utf-8") for path in folder.rglob(files)]
        literals = [literal for source in sources for literal in re.findall(call + LITERAL, source)]
        calls = sum(len(re.findall(call, source)) for source in sources)
        assert len(literals) == calls > 10, f"a text in {folder.name} is not one plain literal"
        texts |= set(map(json.loads, literals))
    bundle = json.loads((ROOT / "l10n/bundle.l10n.json").read_text(encoding="utf-8"))
    assert texts == set(bundle), "run `npm run l10n`"


def test_placeholders_count_from_zero() -> None:
    for text in json.loads((ROOT / "l10n/bundle.l10n.json").read_text(encoding="utf-8")):
        numbers = sorted({int(number) for number in re.findall(r"\{(\d+)\}", text)})
        assert numbers == list(range(len(numbers))), text
