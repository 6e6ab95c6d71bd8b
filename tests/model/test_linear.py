from __future__ import annotations

import json
import random
import shutil
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import jieba
import numpy as np
import pytest
import rjieba
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import BundleError
from data.text.normalise import normalise
from model import bundle
from model.linear.columns import Columns
from model.linear.features import featurise
from model.linear.runtime import MAX_CHARS, LinearClassifier, kept_of
from model.linear.words import cutter
from model.runtime import load
from tests.conftest import mood_texts, tree_texts


def test_features_cover_words_pairs_and_grams() -> None:
    names = set(featurise("信用卡年费12元").names)
    assert {"w:信用卡", "w:年费", "p:信用卡_年费", "c:年费", "c:用卡年费"} <= names
    assert "c:费00" in names
    assert all("1" not in name for name in names)


def test_features_stand_where_they_say() -> None:
    text = "客服 态度恶劣\n乱扣钱"
    found = featurise(text)
    for feature, start, end in zip(found.names, found.starts, found.ends, strict=True):
        kind, _, name = feature.partition(":")
        if kind != "p":
            assert text[start:end] == name
            assert not set(name) & {" ", "\n"}


@given(st.text(st.sampled_from("信用卡年费12 \n的𠮷é😀"), max_size=30), st.data())
@settings(max_examples=200)
def test_known_features_are_found_as_they_are_named(text: str, data: st.DataObject) -> None:
    named = featurise(text)
    some = data.draw(st.sets(st.sampled_from(sorted({*named.names, "c:年卡", "c:信用卡年"}))))
    vocabulary = {name: column for column, name in enumerate(sorted(some))}
    known = [
        (vocabulary[name], start, end)
        for name, start, end in zip(named.names, named.starts, named.ends, strict=True)
        if name in vocabulary
    ]
    found = Columns(vocabulary).find(text)
    every = (found.columns.tolist(), found.starts.tolist(), found.ends.tolist())
    assert list(zip(*every, strict=True)) == known


def test_an_alphabet_that_fills_no_number_is_refused() -> None:
    rare = "".join(map(chr, range(0x10000, 0x1FFFF)))
    with pytest.raises(BundleError, match="at most 65534") as error:
        Columns({"c:" + a + b: at for at, (a, b) in enumerate(pairwise(rare))})
    assert error.value.field == "vocabulary"


def test_it_learns_what_it_is_shown(mood_bundle: Path, tree_bundle: Path) -> None:
    moods, trees = load(mood_bundle), load(tree_bundle)
    for item in mood_texts():
        assert moods.predict(normalise(item.text)).heads["mood"].leaf == item.labels["mood"]
    wrong = [
        item.id
        for item in tree_texts()
        if any(
            trees.predict(normalise(item.text)).heads[name].leaf != code
            for name, code in item.labels.items()
        )
    ]
    assert len(wrong) <= 0.02 * len(tree_texts())


def test_shares_of_all_characters_and_the_bias_sum_to_the_logit(tree_bundle: Path) -> None:
    model = LinearClassifier.load(tree_bundle)
    for item in tree_texts()[:20]:
        text = normalise(item.text)
        logits = model.logits([text])
        for head in model.taxonomy.heads:
            bias = model._weights.bias[head.name]
            for column, leaf in enumerate(head.leaves):
                total = model.shares(head.name, leaf, text).sum() + bias[column]
                assert total == pytest.approx(logits[head.name][0, column], abs=1e-4)


def test_evidence_points_at_the_words_that_decide(tree_bundle: Path) -> None:
    answer = load(tree_bundle).predict(normalise("老师在廣州买了两斤苹果"))
    assert any("廣州" in e.text for e in answer.heads["where"].evidence)
    assert any("苹果" in e.text for e in answer.heads["what"].evidence)


def test_the_same_text_gives_the_same_bits_on_any_thread(tree_bundle: Path) -> None:
    model = load(tree_bundle)
    texts = [normalise(item.text) for item in tree_texts()] * 3
    alone = [model.predict(text).heads["where"].probabilities.tobytes() for text in texts]
    with ThreadPoolExecutor(8) as pool:
        together = list(
            pool.map(lambda t: model.predict(t).heads["where"].probabilities.tobytes(), texts)
        )
    assert alone == together
    stacked = model.logits(texts[:5])
    for row, text in enumerate(texts[:5]):
        assert np.array_equal(stacked["where"][row], model.logits([text])["where"][0])


def test_strange_texts_get_an_answer(mood_bundle: Path) -> None:
    model = load(mood_bundle)
    for original in ("?", "ΩΩΩ", "😀", "好" * 20_000, "a" * 5_000, "\ud800好"):
        prediction = model.predict(normalise(original))
        assert prediction.heads["mood"].code in ("good", "bad")
        assert 0 <= prediction.unknown_rate <= 1
    assert model.predict(normalise("ΩΩΩ")).unknown_rate == 1.0


def test_long_texts_are_read_from_both_ends(mood_bundle: Path) -> None:
    kept = kept_of(MAX_CHARS + 2)
    assert kept is not None
    assert len(kept) == MAX_CHARS
    assert (kept[0], kept[-1]) == (0, MAX_CHARS + 1)
    assert kept_of(MAX_CHARS) is None
    model = load(mood_bundle)
    assert isinstance(model, LinearClassifier)
    text = normalise("好" + "天地" * (MAX_CHARS // 2) + "好")
    prediction = model.predict(text)
    assert prediction.truncated
    assert not model.predict(normalise("好")).truncated
    shares = model.shares("mood", prediction.heads["mood"].leaf, text)
    assert shares.shape == (MAX_CHARS + 2,)


@pytest.fixture
def copy(mood_bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(mood_bundle, tmp_path / "copy"))


def test_a_changed_file_is_refused_by_name(copy: Path) -> None:
    path = copy / "vocabulary.txt"
    path.write_bytes(path.read_bytes() + b"\nw:x")
    with pytest.raises(BundleError, match=r"copy.*vocabulary\.txt has checksum"):
        load(copy)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 99}, "format 99, this version reads 1"),
        ({"normaliser": "other"}, "normaliser other"),
        ({"kind": "magic"}, "kind 'magic'"),
        ({"heads": None}, "heads"),
        ({"files": {"../x": "0"}}, "leaves the bundle"),
        ({"files": {"none.bin": "0"}}, "none.bin is missing"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(
    copy: Path, change: dict[str, object], said: str
) -> None:
    path = copy / bundle.MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(BundleError, match=said):
        load(copy)


def test_reordered_leaves_are_refused(copy: Path) -> None:
    path = copy / bundle.MANIFEST
    manifest = json.loads(path.read_text())
    manifest["heads"]["mood"]["leaves"].reverse()
    path.write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match="mood does not match"):
        load(copy)


def test_a_missing_bundle_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"nowhere.*manifest\.json"):
        load(tmp_path / "nowhere")


def test_writing_replaces_a_whole_bundle_by_a_whole_one(copy: Path) -> None:
    before, taxonomy = bundle.read(copy)
    files = {n: (copy / n).read_bytes() for n in before.files if n != bundle.TAXONOMY}
    after = bundle.write(
        copy,
        kind="linear",
        taxonomy_bytes=(copy / bundle.TAXONOMY).read_bytes(),
        heads={k: v.model_copy(update={"review": 0.99}) for k, v in before.heads.items()},
        files=files,
        snapshot={},
        training={},
        metrics={},
    )
    assert after.version != before.version
    assert load(copy).version == after.version
    assert [p.name for p in copy.parent.iterdir()] == ["copy"]
    assert taxonomy.id == "mood"


def test_both_labels_of_two_have_evidence(mood_bundle: Path) -> None:
    model = load(mood_bundle)
    for text, phrase in (("昨天态度真好", "态度真好"), ("昨天态度恶劣", "态度恶劣")):
        found = model.predict(normalise(text)).heads["mood"].evidence
        assert any(span.text in phrase or phrase in span.text for span in found)


@pytest.fixture(scope="module")
def plain() -> jieba.Tokenizer:
    found = jieba.Tokenizer()
    found.initialize()
    return found


def test_words_are_cut_as_jieba_cuts_them(plain: jieba.Tokenizer) -> None:
    texts = [item.text for item in [*tree_texts(), *mood_texts()]]
    for text in [*texts, "".join(texts), "", "T恤C++ 3.14%\n。😀が", "的" * 50]:
        assert cutter().cut(text) == plain.lcut(text)


@pytest.mark.parametrize(
    "text", ["3-5万", "1.2.3", "a-b_c&d", "50%-60%", "c++和c#", "2.5.", "+8.6", "1_"]
)
def test_numbers_with_marks_are_cut_as_jieba_cuts_them(plain: jieba.Tokenizer, text: str) -> None:
    for whole in (text, f"还了{text}还"):
        assert cutter().cut(whole) == plain.lcut(whole)


@pytest.mark.parametrize(
    "text",
    ["经达达达画", "行在在行在行在行在", "田敬田敬田敬田敬田敬", "达达经经达达经"],
)
def test_cuts_as_likely_as_each_other_are_those_of_jieba(plain: jieba.Tokenizer, text: str) -> None:
    assert rjieba.cut(text) != plain.lcut(text)
    assert cutter().cut(text) == plain.lcut(text)


def test_runs_of_lone_characters_are_cut_as_jieba_cuts_them(plain: jieba.Tokenizer) -> None:
    chance = random.Random(7)  # noqa: S311
    often = "的我了他们在不一是有和就你这说银行卡钱没人来都"
    for length in range(1, 9):
        for _ in range(400):
            run = "".join(chance.choice(often) for _ in range(length))
            assert cutter().cut(run) == plain.lcut(run)


@pytest.fixture(scope="module")
def dictionary(plain: jieba.Tokenizer) -> list[str]:
    """Words, and what only begins words."""
    return sorted(plain.FREQ)[::97]


@given(st.data())
@settings(max_examples=200)
def test_any_mixture_of_words_and_their_beginnings_is_cut_alike(
    plain: jieba.Tokenizer, dictionary: list[str], data: st.DataObject
) -> None:
    lone = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FD5), max_size=6)
    marked = st.text("05aK.-_+#&% 万元", max_size=6)
    again = st.text("达经画在行", max_size=9)
    drawn = st.sampled_from(dictionary) | st.text(max_size=2) | lone | marked | again
    parts = st.lists(drawn, max_size=12)
    text = "".join(data.draw(parts))
    assert cutter().cut(text) == plain.lcut(text)
