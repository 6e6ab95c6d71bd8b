# ruff: noqa: S311 - noise needs no cryptographic randomness
from __future__ import annotations

from dataclasses import fields, replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import InputError
from data.noise import NoiseConfig, apply
from data.text.normalise import normalise

TEXT = (
    "你好，我的信用卡尾号1234，2024年3月5日被扣了5,300.50元年费！手机" + "138" + "00005678" + "。"
    "我在工商银行存的钱，客服说账户冻结了；请尽快处理，否则投诉到监管部门。"
)
KINDS = [field.name for field in fields(NoiseConfig) if field.name != "strength"]
ALL = NoiseConfig(**dict.fromkeys(KINDS, 1.0))


def only(kind: str, strength: float = 0.3) -> NoiseConfig:
    return NoiseConfig(**{kind: 1.0, "strength": strength})


def noisy(kind: str, text: str = TEXT, seed: int = 1, strength: float = 0.3) -> str:
    return apply(text, only(kind, strength), Random(seed))


def test_nothing_is_switched_on_by_default() -> None:
    assert apply(TEXT, NoiseConfig(), Random(1)) == TEXT


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_changes_a_text(kind: str) -> None:
    assert noisy(kind) != TEXT


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_same_text(kind: str) -> None:
    assert noisy(kind, seed=7) == noisy(kind, seed=7)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"no_punctuation", "traditional"}))
def test_other_seeds_other_texts(kind: str) -> None:
    assert len({noisy(kind, seed=seed) for seed in range(12)}) > 1


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"no_punctuation", "traditional"}))
def test_strength_grows_the_damage(kind: str) -> None:
    def damage(strength: float) -> int:
        changed = noisy(kind, TEXT * 3, strength=strength)
        same = sum(a == b for a, b in zip(changed, TEXT * 3, strict=False))
        return len(TEXT) * 3 - same + abs(len(changed) - len(TEXT) * 3)

    assert damage(1.0) > damage(0.0) > 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", ["", " ", "。", "！！", "好", "1", "\ud800", "a\n", "1234567"])
def test_small_texts_are_never_emptied(kind: str, text: str) -> None:
    assert bool(noisy(kind, text, strength=1.0).strip()) == bool(text.strip())


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
@pytest.mark.parametrize("name", [*KINDS, "strength"])
def test_probabilities_are_checked(name: str, value: float) -> None:
    with pytest.raises(InputError) as caught:
        NoiseConfig(**{name: value})
    assert caught.value.field == name


def test_a_probability_is_a_share_of_texts() -> None:
    config = NoiseConfig(traditional=0.3)
    random = Random(5)
    share = sum(apply("银行", config, random) != "银行" for _ in range(2000)) / 2000
    assert 0.26 < share < 0.34


def test_switching_a_kind_off_leaves_the_others() -> None:
    both = replace(only("glyph"), filler=1.0)
    for seed in range(5):
        slips = noisy("glyph", seed=seed)
        mixed = apply(TEXT, both, Random(seed))
        assert all(char in mixed for char in slips)


def test_homophones_sound_alike() -> None:
    from pypinyin import lazy_pinyin

    changed = noisy("homophone", "账户冻结请处理")
    assert len(changed) == 7
    assert lazy_pinyin(changed) == lazy_pinyin("账户冻结请处理")


def test_homophones_favour_frequent_characters() -> None:
    drawn = [noisy("homophone", "在", seed=seed) for seed in range(200)]
    assert max(set(drawn), key=drawn.count) == "再"


def test_no_punctuation_keeps_the_marks_of_numbers() -> None:
    assert noisy("no_punctuation") == (
        "你好我的信用卡尾号1234，2024年3月5日被扣了5,300.50元年费手机" + "138" + "00005678"
        "我在工商银行存的钱客服说账户冻结了请尽快处理否则投诉到监管部门"
    )


def test_dropped_punctuation_is_only_punctuation() -> None:
    changed = noisy("drop_punctuation", strength=0.5)
    assert noisy("no_punctuation", changed) == noisy("no_punctuation")
    assert len(TEXT) > len(changed) > len(noisy("no_punctuation"))


def test_repeated_punctuation_keeps_numbers_and_folds_to_three() -> None:
    changed = noisy("repeat_punctuation", strength=1.0)
    assert "5,300.50" in changed
    assert any(mark * 2 in changed for mark in "，！。")
    assert not any(mark * 4 in normalise(changed).text for mark in ",!。")


@pytest.mark.parametrize("seed", range(5))
def test_masked_digits(seed: int) -> None:
    changed = noisy("mask_digits", seed=seed, strength=1.0)
    assert "尾号****" in changed
    assert any(form in changed for form in ("138****5678", "138********"))
    assert "5,300.50元" in changed
    assert "2024年3月5日" in changed


def test_width_is_undone_by_the_normaliser() -> None:
    changed = noisy("width", strength=1.0)
    assert "５" in changed
    assert normalise(changed).text == normalise(TEXT).text


def test_traditional_is_undone_by_the_normaliser() -> None:
    changed = noisy("traditional")
    assert "銀行" in changed
    assert normalise(changed).text == normalise(TEXT).text


def test_swaps_keep_all_characters() -> None:
    assert sorted(noisy("swap")) == sorted(TEXT)


def test_drops_keep_digits_and_units() -> None:
    changed = noisy("drop_char", strength=1.0)
    assert len(changed) < len(TEXT)
    assert all(part in changed for part in ("1234", "2024年3月5日", "5,300.50元"))


def test_fillers_only_add() -> None:
    changed = iter(noisy("filler"))
    assert all(char in changed for char in TEXT)


@given(st.text(st.characters(codec=None, exclude_categories=())), st.integers(0, 2**32))
def test_all_kinds_at_once_are_deterministic_and_never_empty(text: str, seed: int) -> None:
    once = apply(text, ALL, Random(seed))
    assert once == apply(text, ALL, Random(seed))
    assert bool(once.strip()) == bool(text.strip())
