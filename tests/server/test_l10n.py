"""The server speaks the editor's language, where there is a bundle of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from .client import ROOT, Client


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A copy of what the package holds, with a language in which every text is «enclosed»."""
    root = tmp_path / "installed"
    ignored = shutil.ignore_patterns("__pycache__", "samples")
    for part in ("server", "pymodel", "l10n"):
        shutil.copytree(ROOT / part, root / part, ignore=ignored)
    bundle = json.loads((root / "l10n/bundle.l10n.json").read_text(encoding="utf-8"))
    enclosed = {text: f"«{text}»" for text in bundle}
    (root / "l10n/bundle.l10n.qps.json").write_text(json.dumps(enclosed), encoding="utf-8")
    return root


@pytest.fixture
def client(installed: Path, model_file: Path) -> Iterator[Client]:
    client = Client(model_file.parent, root=installed, locale="qps-ploc")
    yield client
    assert client.close() == 0


def test_lenses_hovers_and_status_are_in_the_editors_language(client: Client, model_file: Path) -> None:
    uri = client.open(model_file)
    client.diagnostics(uri, 1)
    titles = client.lenses(uri)
    assert "«6,566,666 parameters»" in titles[0]
    assert all(title.startswith("«") and title.endswith("»") for title in titles[1:])
    assert "«6,566,666 parameters»" in (client.hover(uri, 4, 8) or "")
    texts = [each["params"]["text"] for each in client.notifications if each["method"] == "pymodel/status"]
    assert texts
    assert all(text.startswith("«") for text in texts)


def test_a_language_without_a_bundle_is_answered_in_english(model_file: Path) -> None:
    client = Client(model_file.parent, locale="tlh")
    uri = client.open(model_file)
    client.diagnostics(uri, 1)
    assert "6,566,666 parameters" in client.lenses(uri)[0]
    assert client.close() == 0
