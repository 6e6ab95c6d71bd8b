from __future__ import annotations

import pytest

from data.labelled import LabelledText
from data.quality.coverage import counts
from data.quality.crossing import crossings
from data.quality.diversity import shape
from data.quality.templates import shared_runs, skeleton
from tests.conftest import mood_texts, two_labels

EVENTS = [
    "手机银行转账五万八一直显示处理中，两天了对方没收到，客服只会说再等等",
    "上个月在柜台办的定期存单，到期去取说名字对不上，来回跑了三趟还没办成",
    "信用卡年费说刷够六次就免，我刷了八次还是扣了两百，打电话互相推",
]


def test_near_duplicates_are_found_whatever_their_marks_and_digits() -> None:
    duplicates = pytest.importorskip(
        "data.quality.duplicates", reason="MinHash comes with the training extra"
    )
    copy = EVENTS[0].replace("，", " ").replace("两天了", "2天了") + "！！"
    (pair,) = duplicates.near_duplicates([*EVENTS, copy, ""], 0.5)
    assert (pair.first, pair.second) == (0, 3)
    assert 0.6 < pair.similarity < 1.0
    assert duplicates.near_duplicates(EVENTS, 0.2) == []
    (exact,) = duplicates.near_duplicates([EVENTS[1], EVENTS[1]], 0.99)
    assert exact.similarity == 1.0


def test_short_texts_are_compared_too() -> None:
    duplicates = pytest.importorskip(
        "data.quality.duplicates", reason="MinHash comes with the training extra"
    )
    assert len(duplicates.near_duplicates(["闪退", "闪退！", "卡顿"], 0.5)) == 1


def test_events_on_both_sides_of_a_split_are_found() -> None:
    duplicates = pytest.importorskip(
        "data.quality.duplicates", reason="MinHash comes with the training extra"
    )
    texts = [
        LabelledText("a", EVENTS[0], {"mood": "bad"}, meta={"split": "train"}),
        LabelledText("b", EVENTS[0], {"mood": "bad"}, meta={"split": "test"}),
        LabelledText("c", EVENTS[1], {"mood": "bad"}, meta={"split": "train", "group": "g"}),
        LabelledText("d", EVENTS[2], {"mood": "bad"}, meta={"split": "dev", "group": "g"}),
    ]
    pairs = duplicates.near_duplicates([t.text for t in texts])
    found = {(c.first, c.second) for c in crossings(texts, pairs)}
    assert found == {("a", "b"), ("c", "d")}


def test_templates_are_found_across_events_only() -> None:
    slot = "本人于{}在贵行办理信用卡业务时被收取{}元"
    texts = [slot.format(f"{m}月{d}日", m * d) for m, d in ((1, 2), (3, 4), (5, 6), (7, 8))]
    found = shared_runs(texts, ["a", "b", "c", "d"])
    assert found[0].texts == (0, 1, 2, 3)
    assert shared_runs(texts, ["a", "a", "a", "a"]) == []
    assert shared_runs(EVENTS, ["a", "b", "c"]) == []
    assert skeleton("扣了１２ 3.5元！") == "扣了000元"


def test_shape_tells_varied_from_repeated() -> None:
    varied, repeated = shape(EVENTS), shape([EVENTS[0]] * 3)
    assert varied.distinct[1] > repeated.distinct[1]
    assert repeated.openings == 1.0
    assert varied.lengths[0] <= varied.lengths[-1]
    assert shape(["没有逗号的一句话说完了就是这样子的哦真的没有"]).no_comma == 1.0


def test_labels_without_texts_are_counted() -> None:
    taxonomy, _ = two_labels()
    found = {c.code: c.texts for c in counts(mood_texts()[:5], taxonomy)}
    assert found == {"good": 5, "bad": 0}


def test_wrong_labels_rank_first() -> None:
    pytest.importorskip("cleanlab", reason="label errors need cleanlab")
    from training.label_errors import suspects
    from training.linear import LinearConfig

    taxonomy, _ = two_labels()
    texts = mood_texts()
    other = {"good": "bad", "bad": "good"}
    wrong = {texts[3].id, texts[120].id, texts[200].id}
    spoiled = [
        LabelledText(t.id, t.text, {"mood": other[t.labels["mood"]]}) if t.id in wrong else t
        for t in texts
    ]
    ranked = suspects(spoiled, taxonomy, folds=3, config=LinearConfig(min_texts=1))
    assert wrong <= {s.id for s in ranked[:6]}
