from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from data.errors import InputError
from data.labelled import LabelledText
from data.taxonomy.schema import Taxonomy
from eval.agreement import agreement
from eval.evaluate import evaluate
from model.runtime import load
from tests.conftest import tree_texts


def test_every_head_of_any_taxonomy_is_scored(tree_bundle: Path) -> None:
    report = evaluate(load(tree_bundle), tree_texts())
    assert set(report.heads) == {"where", "what", "who"}
    where = report.heads["where"]
    assert where.n == len(tree_texts())
    assert where.accuracy.value > 0.9
    assert where.top3.value >= where.accuracy.value
    assert len(where.levels) == 2
    assert where.levels[0].value >= where.levels[1].value == where.accuracy.value
    assert sum(score.support for score in where.classes.values()) == where.n


def test_alternatives_count_as_right_only_leniently(tree_bundle: Path) -> None:
    wrong = [
        LabelledText("1", "老师在北京吃苹果", {"where": "S2"}, {"where": ("N1",)}),
        LabelledText("2", "老师在北京吃苹果", {"where": "S2"}),
    ]
    where = evaluate(load(tree_bundle), wrong).heads["where"]
    assert (where.accuracy.value, where.lenient.value) == (0.0, 0.5)
    assert where.confusions == [("S2", "N1", 2)]


def test_heads_without_labels_are_left_out(tree_bundle: Path) -> None:
    report = evaluate(load(tree_bundle), [LabelledText("1", "北京", {"where": "N1"})])
    assert set(report.heads) == {"where"}


def test_agreement_of_two_labellings(taxonomy: Taxonomy) -> None:
    first = [LabelledText(str(i), "x", {"product": "B03022", "reason": "C01"}) for i in range(4)]
    second = [replace(item) for item in first[:3]] + [
        LabelledText("3", "x", {"product": "B03024", "reason": "C01"}, {"product": ("B03022",)})
    ]
    found = agreement(first, second, taxonomy)
    assert found["product"].observed == 0.75
    assert found["product"].lenient == 1.0
    assert found["product"].root == 1.0
    assert found["product"].differing == ("3",)
    assert found["reason"].kappa == 1.0
    assert "urgency" not in found


def test_labellings_without_a_common_id_are_refused(taxonomy: Taxonomy) -> None:
    one = [LabelledText("1", "x", {"reason": "C01"})]
    other = [LabelledText("2", "x", {"reason": "C01"})]
    with pytest.raises(InputError, match="id"):
        agreement(one, other, taxonomy)
