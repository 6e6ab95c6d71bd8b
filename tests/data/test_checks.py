from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from data.checks.check import Check, Context, Finding, Reference, Row, Signals
from data.checks.conflicts import Conflicts
from data.checks.drift import Drift
from data.checks.empties import Empties
from data.checks.leaks import Leaks
from data.checks.near_duplicates import NearDuplicates
from data.checks.outliers import LIMIT, Lengths, UnknownTokens, modified_z
from data.checks.personal import Personal
from data.checks.read import read
from data.checks.run import run, standard
from data.checks.schema import Schema
from data.checks.thin import ThinClasses
from data.errors import FileFormatError
from data.labelled import LabelledText
from data.quality.overlap import Overlap
from data.taxonomy.schema import Taxonomy
from tests.conftest import mood_texts, two_labels

MOODS, _ = two_labels()
LONG = "手机银行转账五万八一直显示处理中，两天了对方没收到，客服只会说再等等"
OTHER = "上个月在柜台办的定期存单，到期去取说名字对不上，来回跑了三趟还没办成"


def text(id_: str, words: str, mood: str = "bad", **meta: Any) -> LabelledText:
    return LabelledText(id_, words, {"mood": mood}, meta=meta)


def context(*texts: LabelledText, **fields: Any) -> Context:
    rows = [Row("x.jsonl", i, item.id, item) for i, item in enumerate(texts, 1)]
    return Context(rows, MOODS, **fields)


def check(one: Check, *texts: LabelledText, **fields: Any) -> Finding:
    found = one(context(*texts, **fields))
    assert found.check == one.name
    assert found.sentence
    assert all(0 <= score <= 1 for score in found.scores.values())
    # What is flagged is always worse than what is not.
    good = [score for i, score in found.scores.items() if i not in found.flagged]
    assert all(found.scores[i] <= min(good, default=1) for i in found.flagged)
    return found


def test_rows_that_are_no_labelled_texts_do_not_stop_the_others(tmp_path: Path) -> None:
    lines = [
        '{"text": "态度差", "mood": "bad", "id": "a"}',
        "{",
        '{"text": "x", "mood": "odd"}',
        '{"text": "排队久", "mood": "bad", "id": "a"}',
        '{"text": "好", "mood": "good"}',
    ]
    (tmp_path / "m.jsonl").write_text("\n".join(lines), encoding="utf-8")
    rows = read([tmp_path], MOODS)
    found = Schema()(Context(rows, MOODS))
    assert list(found.scores.values()) == [0, 0, 0, 0, 1]
    assert "is not JSON" in found.flagged[1]
    assert "'odd'" in found.flagged[2]
    assert found.flagged[0] == found.flagged[3] == "id a is there 2 times"
    assert found.mend
    assert len(Context(rows, MOODS).texts) == 3
    (tmp_path / "none").mkdir()
    with pytest.raises(FileFormatError, match=r"no \.jsonl"):
        read([tmp_path / "none"], MOODS)


def test_texts_that_say_nothing_are_flagged() -> None:
    found = check(
        Empties(), text("a", "！！1234"), text("b", "x"), text("c", "闪退"), text("d", LONG)
    )
    assert set(found.flagged) == {0, 1}
    assert [found.scores[i] for i in range(4)] == [0, 0.25, 0.5, 1]


def test_near_duplicates_are_flagged_both_ways_but_not_in_a_group() -> None:
    copy = LONG.replace("两天了", "2天了") + "！"
    found = check(NearDuplicates(), text("a", LONG), text("b", copy), text("c", OTHER))
    assert set(found.flagged) == {0, 1}
    assert "like b" in found.flagged[0]
    assert found.scores[0] == found.scores[1] < 0.5
    assert found.scores[2] == 1
    assert found.figures["pairs"] == 1
    pair = check(NearDuplicates(), text("a", LONG, group="g"), text("b", copy, group="g"))
    assert pair.flagged == {}
    half = check(NearDuplicates(), text("a", LONG), text("b", copy), similarity=0.99)
    assert half.flagged == {}


def test_the_worst_of_several_likenesses_counts() -> None:
    found = check(
        NearDuplicates(), text("a", LONG), text("b", LONG + "，麻烦快点"), text("c", LONG)
    )
    assert found.scores[0] == found.scores[2] == 0
    assert "1.0 like" in found.flagged[0]


def test_leaks_are_found_within_and_against_others() -> None:
    train = {"split": "train"}
    found = check(
        Leaks(),
        text("a", LONG, **train),
        text("b", LONG, split="test"),
        text("c", OTHER, group="g", **train),
        text("d", "信用卡年费说刷够六次就免", group="g", split="dev"),
        text("e", "排队两个小时还没轮到，窗口只开一个", **train),
        text("f", "短信收费从来没人问过我的意见", **train),
        against=[text("z", "排队两个小时还没轮到，窗口只开一个！")],
    )
    assert set(found.flagged) == {0, 1, 2, 3, 4}
    assert "like z of the others" in found.flagged[4]
    assert found.scores == {0: 0, 1: 0, 2: 0, 3: 0, 4: 0, 5: 1}
    clean = check(Leaks(), text("a", LONG, **train), text("b", LONG, **train))
    assert clean.flagged == {}


def test_the_same_words_with_another_label_are_flagged() -> None:
    alternative = LabelledText("d", "还行吧", {"mood": "bad"}, {"mood": ("good",)})
    found = check(
        Conflicts(),
        text("a", "态度，真好", "good"),
        text("b", "態度,真好", "bad"),
        text("c", "还行吧", "good"),
        alternative,
        text("e", "还行吧", "good"),
    )
    assert set(found.flagged) == {0, 1}
    assert found.flagged[0] == "mood good, but bad in b"


def test_thin_classes_are_named() -> None:
    texts = [text(f"g{i}", "好", "good") for i in range(4)] + [text("b", "坏")]
    found = check(ThinClasses(fewest=4), *texts)
    assert found.flagged == {4: "mood bad has 1 texts"}
    assert [found.scores[i] for i in (0, 4)] == [1, 0.25]
    assert found.figures["labels"] == {"mood:bad": 1}
    assert check(ThinClasses(fewest=1), *texts).flagged == {}
    assert "mood bad 0" in check(ThinClasses(), *texts[:4]).sentence


def test_outliers_in_length_are_flagged_on_both_sides() -> None:
    usual = [text(f"u{i}", "字" * (90 + i)) for i in range(40)]
    found = check(Lengths(), *usual, text("long", "字" * 9000), text("short", "字"))
    assert set(found.flagged) == {40, 41}
    assert found.flagged[40] == "9000 characters"
    assert found.scores[40] < 0.5
    assert "not judged" in check(Lengths(), *usual[:5]).sentence
    same = [text(f"u{i}", "字" * 90) for i in range(40)]
    assert set(check(Lengths(), *same, text("x", "字" * 900)).flagged) == {40}
    assert check(Lengths(), *same).flagged == {}


def test_the_modified_z_is_iglewicz_and_hoaglins() -> None:
    z = modified_z([1, 2, 3, 4, 5])
    assert z.tolist() == pytest.approx([-1.349, -0.6745, 0, 0.6745, 1.349])
    assert LIMIT == 3.5


def test_what_the_champion_cannot_read_is_flagged() -> None:
    texts = [text("a", LONG), text("b", "asdkjh qwe zzz")]
    found = check(UnknownTokens(), *texts, signals=Signals([0.01, 0.8]))
    assert found.flagged == {1: "80% unknown to the champion"}
    assert found.scores == {0: 0.99, 1: 0.2}
    assert "no champion" in check(UnknownTokens(), *texts).sentence


def test_personal_data_is_flagged_without_being_told() -> None:
    card, mobile = "11010519491231002X", "13812345678"
    found = check(
        Personal(),
        text("a", f"身份证{card}"),
        text("b", f"电话{mobile}打不通"),
        text("c", "电话138****5678，打过95588"),
        text("d", LONG),
    )
    assert found.scores == {0: 0, 1: 0.5, 2: 1, 3: 1}
    assert found.mend
    assert found.figures["kinds"] == {"id_card": 1, "mobile": 1}
    told = json.dumps([found.sentence, list(found.flagged.values())])
    assert card not in told
    assert mobile not in told
    assert not check(Personal(), text("b", f"电话{mobile}打不通")).mend


def many(n: int, mood: str, length: int) -> list[LabelledText]:
    return [text(f"{mood}{length}-{i}", "字" * (length + i % 20), mood) for i in range(n)]


def test_drift_is_an_effect_size_and_names_the_kind_that_grew() -> None:
    before = Reference([*many(200, "good", 50), *many(200, "bad", 50)])
    same = check(Drift(), *many(150, "good", 50), *many(150, "bad", 50), reference=before)
    assert same.flagged == {}
    assert max(same.figures["psi"].values()) < 0.1
    moved = check(Drift(), *many(30, "good", 50), *many(270, "bad", 50), reference=before)
    assert moved.figures["psi"]["mood"] > 0.25
    assert moved.figures["psi"]["length"] < 0.1
    assert moved.scores[0] == 1
    assert moved.scores[200] == pytest.approx(0.5 / 0.9, abs=1e-3)
    longer = check(Drift(), *many(150, "good", 400), *many(150, "bad", 400), reference=before)
    assert len(longer.flagged) == 300
    assert "length over" in longer.flagged[0]


def test_drift_in_what_the_champion_sees_is_found() -> None:
    texts = many(200, "good", 50)
    before = Reference(texts, Signals([0.01] * 200, [i / 200 for i in range(200)]))
    now = Signals([0.01] * 200, [1 + i / 200 for i in range(200)])
    found = check(Drift(), *texts, signals=now, reference=before)
    assert found.figures["psi"]["novelty"] > 1
    assert found.figures["psi"]["unknown share"] == 0
    assert len(found.flagged) == 200


def test_drift_of_few_texts_is_not_judged() -> None:
    texts = many(50, "good", 50)
    assert "fewer than" in check(Drift(), *texts, reference=Reference(texts)).sentence
    assert "no training texts" in check(Drift(), *texts).sentence


def test_chance_alone_is_no_drift(taxonomy: Taxonomy) -> None:
    """Many labels and few texts: the plain index would call this large."""
    head, draw = taxonomy.heads[0], random.Random(7)  # noqa: S311 - a sample
    texts = [
        LabelledText(str(i), "字" * draw.randint(50, 90), {head.name: draw.choice(head.leaves)})
        for i in range(300)
    ]
    rows = [Row("x.jsonl", i, item.id, item) for i, item in enumerate(texts[:150])]
    found = Drift()(Context(rows, taxonomy, reference=Reference(texts[150:])))
    assert len(head.leaves) > 50
    assert found.figures["psi"][head.name] < 0.25
    assert found.figures["psi"]["length"] < 0.1


def test_all_checks_run_together_and_every_row_has_its_scores(tmp_path: Path) -> None:
    lines = [json.dumps({"id": t.id, "text": t.text, **t.labels}) for t in mood_texts()[:30]]
    (tmp_path / "m.jsonl").write_text("\n".join([*lines, "{"]), encoding="utf-8")
    told: list[str] = []
    report = run(Context(read([tmp_path / "m.jsonl"], MOODS), MOODS), standard(), told.append)
    assert told == [item.check for item in report.findings]
    rows = list(report.rows())
    assert len(rows) == 31
    assert all(set(row) <= set(report.columns()) for row in rows)
    assert rows[30]["schema"] == 0
    assert "empties" not in rows[30]
    assert rows[0]["schema"] == 1
    assert "schema" in rows[30]["notes"]
    assert "schema" in {finding.check for finding in report.to_mend}


def test_no_checks_are_of_one_name() -> None:
    names = [item.name for item in standard()]
    assert len(set(names)) == len(names) == 10


def test_wrong_labels_are_scored_low() -> None:
    pytest.importorskip("cleanlab", reason="label errors need cleanlab")
    from training.label_check import LabelErrors
    from training.linear import LinearConfig

    texts = mood_texts()
    other = {"good": "bad", "bad": "good"}
    wrong = {3, 120, 200}
    spoiled = [
        LabelledText(t.id, t.text, {"mood": other[t.labels["mood"]]}) if i in wrong else t
        for i, t in enumerate(texts)
    ]
    found = check(LabelErrors(folds=3, config=LinearConfig(min_texts=1)), *spoiled)
    assert wrong <= set(found.flagged)
    assert len(found.flagged) < 10
    assert found.flagged[3] == "mood bad, perhaps good"
    assert not found.mend


def test_overlap_is_exact() -> None:
    index = Overlap([{"a", "b", "c"}, {"c", "d"}, set()])
    (first, second) = index.alike({"c", "d"}, 0.1)
    assert (first.position, first.similarity, first.contained) == (1, 1.0, 1.0)
    assert (second.position, second.similarity) == (0, 1 / 4)
    assert [a.position for a in index.alike({"a", "b", "c", "x", "y", "z"}, 0.9, 1.0)] == [0]
    assert index.alike({"z"}, 0.0) == []
    empty: Overlap[str] = Overlap([])
    assert empty.alike({"a"}, 0.0) == []
