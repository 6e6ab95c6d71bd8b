"""Texts whose answers were recorded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data.errors import BundleError
from data.taxonomy.schema import Taxonomy
from data.text.normalise import normalise
from model import golden
from model.golden import Golden, differences, texts_of
from model.linear.runtime import LinearClassifier
from tests.conftest import two_labels


def test_texts_are_of_typical_length_whatever_the_taxonomy(taxonomy: Taxonomy) -> None:
    for heads in (taxonomy, two_labels()[0]):
        texts = texts_of(heads)
        assert len(texts) == golden.TEXTS
        assert all(120 <= len(text) <= 240 for text in texts)
    assert len(set(texts_of(taxonomy))) == golden.TEXTS


def test_what_was_recorded_is_read_again(tree_bundle: Path, tmp_path: Path) -> None:
    classifier = LinearClassifier.load(tree_bundle)
    texts = ["老师在北京吃苹果", "老虎在海口想念大米"]
    assert golden.read(tmp_path) is None
    (tmp_path / golden.FILE).write_bytes(golden.record(classifier, texts))
    found = golden.read(tmp_path)
    assert found is not None
    assert [item.text for item in found] == texts
    for item in found:
        prediction = classifier.predict(normalise(item.text))
        assert set(item.answers) == {"where", "what", "who"}
        assert list(differences(item, prediction, classifier.taxonomy)) == []


def test_differences_name_head_and_figures_and_never_the_text(tree_bundle: Path) -> None:
    classifier = LinearClassifier.load(tree_bundle)
    text = "老师在北京吃苹果"
    prediction = classifier.predict(normalise(text))
    wrong = Golden(text, {"where": ("S2", 0.9), "who": ("P9", 0.5), "mood": ("bad", 0.5)})
    found = list(differences(wrong, prediction, classifier.taxonomy))
    assert len(found) == 3
    assert found[0].startswith("where S2 has 0.")
    assert found[0].endswith("recorded 0.900")
    assert found[1] == "who P9 was recorded and is not among its labels"
    assert not any(text in sentence for sentence in found)


@pytest.mark.parametrize(
    "content", ["{", "[1]", '[{"text": "x"}]', '[{"text": "x", "answers": 1}]']
)
def test_a_file_of_another_form_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / golden.FILE).write_text(content, "utf-8")
    with pytest.raises(BundleError, match=r"golden\.json: is no list of texts"):
        golden.read(tmp_path)


def test_a_new_bundle_brings_what_it_answered_when_it_was_made(mood_bundle: Path) -> None:
    """Recorded in single precision, held to as it is stored."""
    recorded = golden.read(mood_bundle)
    assert recorded is not None
    classifier = LinearClassifier.load(mood_bundle)
    assert [item.text for item in recorded] == texts_of(classifier.taxonomy)
    for item in recorded:
        prediction = classifier.predict(normalise(item.text))
        assert list(differences(item, prediction, classifier.taxonomy)) == []


def test_the_file_is_for_people_too(mood_bundle: Path) -> None:
    raw = golden.record(LinearClassifier.load(mood_bundle), ["态度恶劣"])
    (item,) = json.loads(raw)
    assert item["text"] == "态度恶劣"
    assert item["answers"]["mood"][0] == "bad"
