from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from data.labelled import LabelledText
from data.text.normalise import normalise
from eval.significance import Resampling
from eval.slices import Attributes, Cut, SliceMeans, attributes, bucket, slices, traditional_share
from eval.slices_worst import worst
from tests.conftest import three_trees

CUT = Cut(("source", "style"), (10, 20))


def cut_of(text: str, unknown: float = 0.0, **meta: Any) -> dict[str, str]:
    item = LabelledText("1", text, {"where": "S2", "what": "G"}, meta=meta)
    return attributes(item, normalise(text), unknown, three_trees()[0], CUT)


def test_a_text_is_cut_by_what_is_known_and_what_is_found() -> None:
    found = cut_of("卡号6222****1234被盗", 0.3, source="phone", received_at="2026-03-02T08:00:00")
    assert found == {
        "source": "phone",
        "length": "10-19",
        "traditional": "none",
        "masked": "yes",
        "unknown_words": ">25%",
        "month": "2026-03",
        "where": "S",
        "what": "G",
    }
    assert "month" not in cut_of("短", source=None, date="去年")
    assert cut_of("短", month="2026/7")["month"] == "2026-07"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("尾号XX12", "yes"),
        ("在某某银行", "yes"),
        ("138****0000", "yes"),
        ("大*", "no"),
        ("x", "no"),
    ],
)
def test_masked_numbers(text: str, masked: str) -> None:
    assert cut_of(text)["masked"] == masked


def test_traditional_characters() -> None:
    assert traditional_share(normalise("帳戶被盜刷，銀行沒有處理")) > 0.3
    assert traditional_share(normalise("账户被盗刷，１００元。")) == 0.0
    assert traditional_share(normalise("abc")) == 0.0
    assert cut_of("我的銀行卡被盜刷了")["traditional"] == "mostly"


def test_buckets() -> None:
    assert [bucket(n, (10, 20)) for n in (0, 9, 10, 19, 20, 99)] == [
        "<10", "<10", "10-19", "10-19", "≥20", "≥20",
    ]  # fmt: skip


def planted(n: int = 600) -> tuple[list[Attributes], np.ndarray[Any, np.dtype[np.float64]]]:
    """Everything is right nine times of ten, but not letters by phone."""
    random = np.random.default_rng(1)
    texts = [
        {"source": str(random.choice(["phone", "app", "web"])), "style": str(style), "all": "x"}
        for style in random.choice(["letter", "form"], n)
    ]
    texts = [{**each, "twin": each["style"]} for each in texts]
    bad = [each["source"] == "phone" and each["style"] == "letter" for each in texts]
    right = np.where(bad, random.uniform(size=n) < 0.3, random.uniform(size=n) < 0.9)
    return [*texts], right.astype(np.float64)


def test_the_planted_slice_is_found_first_and_once() -> None:
    texts, right = planted()
    found = slices(texts, min_texts=30, max_values=10, pairs=True)
    assert not any("all" in dict(cut.where) for cut in found)
    resampling = Resampling.of([str(i) for i in range(len(texts))], 200)
    ranked = worst(found, right, resampling, 10)
    first = ranked[0]
    assert dict(first.cut.where) in (
        {"source": "phone", "style": "letter"},
        {"source": "phone", "twin": "letter"},
    )
    assert first.low > 0.3
    assert first.figure.value == pytest.approx(first.overall - first.value)
    assert len({frozenset(each.cut.rows.tolist()) for each in ranked}) == len(ranked)
    assert [each.low for each in ranked] == sorted((each.low for each in ranked), reverse=True)


def test_small_slices_and_scattered_attributes_are_left_out() -> None:
    texts = [{"id": str(i), "two": str(i % 2), "rare": str(i < 5)} for i in range(40)]
    found = slices(texts, min_texts=10, max_values=10)
    assert {cut.where for cut in found} == {
        (("two", "0"),), (("two", "1"),), (("rare", "False"),),
    }  # fmt: skip
    # Nearly all texts are not rare: that cuts nothing off the others.
    paired = slices(texts, min_texts=10, max_values=10, pairs=True)
    assert [cut.where for cut in paired] == [cut.where for cut in found]


def test_means_of_many_slices_at_once() -> None:
    texts, right = planted(90)
    right[::7] = np.nan
    found = slices(texts, min_texts=5, max_values=10, pairs=True)
    weights = np.random.default_rng(2).integers(0, 3, 90).astype(float)
    for cut, mean in zip(found, SliceMeans(found, right)(weights), strict=True):
        rows = cut.rows[~np.isnan(right[cut.rows])]
        expected = np.average(right[rows], weights=weights[rows])
        assert mean == pytest.approx(expected, abs=1e-6)
