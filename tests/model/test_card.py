from __future__ import annotations

from pathlib import Path

from model import bundle
from model.card import CARD


def test_every_bundle_has_a_card_of_its_figures(mood_bundle: Path) -> None:
    manifest, taxonomy = bundle.read(mood_bundle)
    text = (mood_bundle / CARD).read_text(encoding="utf-8")
    assert text.startswith(f"# {manifest.version}\n")
    assert taxonomy.stamp in text
    for head, found in manifest.metrics["test"].items():
        assert f"| {head} | " + " | ".join(str(v) for v in found.values()) + " |" in text
    assert str(manifest.snapshot["sha256"]) in text


def test_a_lost_card_harms_nothing(mood_bundle: Path) -> None:
    card = mood_bundle / CARD
    content = card.read_text(encoding="utf-8")
    try:
        card.unlink()
        bundle.read(mood_bundle)
    finally:
        card.write_text(content, encoding="utf-8")
