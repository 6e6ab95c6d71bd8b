from __future__ import annotations

from pathlib import Path

import pytest

from data.errors import BundleError
from data.splits import partition
from model.seen import FILE, SeenTexts, hash_of, load
from tests.conftest import mood_texts


def test_spacing_marks_and_width_make_no_other_text() -> None:
    assert hash_of("帳戶被扣了１００元！！") == hash_of("账户 被扣了100元")
    assert hash_of("账户被扣了100元") != hash_of("账户被扣了200元")
    assert hash_of("！？") != hash_of("。")


def test_a_bundle_knows_what_it_saw(mood_bundle: Path) -> None:
    seen = load(mood_bundle)
    assert seen is not None
    parts = partition(mood_texts())
    assert all(seen.trained_on(item.text) for item in parts["train"])
    assert all(seen.calibrated_on(item.text) for item in parts["dev"])
    assert not any(seen.trained_on(item.text) for item in parts["test"])
    assert not seen.trained_on("从没见过的话")


def test_the_same_texts_in_any_order_give_the_same_bytes(tmp_path: Path) -> None:
    one, other = SeenTexts.of("甲乙丙", "丁"), SeenTexts.of("丙乙甲甲", "丁")
    assert one.dump() == other.dump()
    (tmp_path / FILE).write_bytes(one.dump())
    again = load(tmp_path)
    assert again is not None
    assert [again.trained_on(text) for text in "甲丁"] == [True, False]
    assert SeenTexts.of((), ()).trained_on("甲") is False


def test_a_bundle_without_the_list_says_nothing(tmp_path: Path) -> None:
    assert load(tmp_path) is None
    (tmp_path / FILE).write_bytes(b"x")
    with pytest.raises(BundleError, match=FILE):
        load(tmp_path)
