"""The published corpus keeps what its data card says."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import pytest

from data.labelled import LabelledText, load_labelled
from data.pii.find import find
from data.taxonomy.schema import Taxonomy

CORPUS = Path(__file__).parents[2] / "data" / "corpus"
# Leaves that are rare in life: "other" leaves and lines of business with few customers.
RARE = {
    *("B03019", "B03029", "B0303", "B0503", "B0504", "B0507", "B0508", "B0599", "B0699", "B0705"),
    *("B0799", "B0803", "B0899", "B0999", "B1002", "B1003", "B1006", "B1099", "B1102", "B1199"),
    *("B1303", "B1399"),
}


@pytest.fixture(scope="module")
def corpus(taxonomy: Taxonomy) -> list[LabelledText]:
    return load_labelled(CORPUS / "complaints.jsonl", taxonomy)


def test_there_is_enough_of_everything(corpus: list[LabelledText], taxonomy: Taxonomy) -> None:
    assert len(corpus) >= 6_000
    count = {h.name: Counter(t.labels[h.name] for t in corpus) for h in taxonomy.heads}
    thin = {
        code: count["product"][code]
        for code in taxonomy["product"].leaves
        if count["product"][code] < (20 if code in RARE else 40)
    }
    assert thin == {}
    assert {c: n for c, n in count["reason"].items() if n < 250} == {}
    floors = {"I": 500, "II": 1_500, "III": 2_500, "IV": 600}
    assert {c: n for c, n in count["urgency"].items() if n < floors[c]} == {}
    assert sum("group" in t.meta for t in corpus) >= 600
    assert sum("kind" in t.meta for t in corpus) >= 400


def test_every_text_is_placed_and_events_are_whole(corpus: list[LabelledText]) -> None:
    assert {t.meta["split"] for t in corpus} == {"train", "dev", "test"}
    assert all(t.meta["split"] == "test" for t in corpus if "views" in t.meta)
    groups: dict[str, set[str]] = {}
    for text in corpus:
        if group := text.meta.get("group"):
            groups.setdefault(group, set()).add(text.meta["split"])
    assert {g for g, splits in groups.items() if len(splits) > 1} == set()


def test_held_out_texts_are_frozen(corpus: list[LabelledText]) -> None:
    """A changed hash means that what tests has changed: figures before and after do not compare."""
    held = sorted(f"{t.id}\0{t.text}" for t in corpus if t.meta["split"] == "test")
    found = hashlib.sha256("\1".join(held).encode()).hexdigest()
    assert found == (CORPUS / "heldout.sha256").read_text().strip()


def test_no_text_stands_twice(corpus: list[LabelledText]) -> None:
    texts = Counter(t.text for t in corpus)
    assert {text for text, n in texts.items() if n > 1} == set()


def test_no_number_passes_its_checksum(corpus: list[LabelledText]) -> None:
    valid = [
        (text.id, finding.kind)
        for text in corpus
        if sum(char.isdigit() for char in text.text) >= 13
        for finding in find(text.text)
        if finding.valid and finding.kind in ("id_card", "bank_card")
    ]
    assert valid == []


@pytest.mark.real
def test_nothing_is_taken_from_the_real_texts(
    corpus: list[LabelledText], real_texts: list[LabelledText]
) -> None:
    duplicates = pytest.importorskip(
        "data.quality.duplicates", reason="MinHash comes with the training extra"
    )
    everything = [t.text for t in corpus] + [t.text for t in real_texts]
    pairs = duplicates.near_duplicates(everything, 0.35)
    crossing = [
        p for p in pairs if p.first < len(corpus) <= p.second and len(everything[p.first]) > 8
    ]
    assert crossing == []
