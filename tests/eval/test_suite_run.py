"""The whole suite on bundles that are trained in a second."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from data.errors import FileFormatError, InputError
from data.labelled import LabelledText
from data.splits import partition
from eval.suite.config import load
from eval.suite.result import SuiteResult
from eval.suite.run import Extras, describe, run_suite
from eval.suite.subject import Subject
from tests.conftest import Fit, mood_texts, three_trees, tree_texts, two_labels
from tests.eval.suite_kit import WHEN, Told, suite

GATES: list[dict[str, Any]] = [
    {"metric": "accuracy", "min": 0.8, "max_loss": 0.01, "why": "because"},
    {"metric": "level1", "kind": "tree", "max_loss": 0.0},
    {"metric": "ece", "max": 0.2},
    {"metric": "latency_ms", "max": 10_000, "max_factor": 100},
    {"metric": "variant", "max": 0, "required": True},
    {"metric": "leaked", "max": 0, "required": True},
]
CLASSES = [{"metric": "recall", "min_support": 5, "min": 0.5, "max_loss": 0.1}]
SLICES = [{"min_texts": 8, "max_loss": 0.05}]


@pytest.fixture(scope="module")
def trees(tree_bundle: Path) -> Subject:
    return Subject.load(tree_bundle)


@pytest.fixture(scope="module")
def cases() -> list[LabelledText]:
    found = partition(tree_texts())["test"]
    return [
        replace(item, meta={"source": "ab"[i % 2], "style": "xyz"[i % 3]})
        for i, item in enumerate(found)
    ]


def run(subject: Subject, cases: list[LabelledText], **more: Any) -> SuiteResult:
    tables = {"metric": GATES, "per_class": CLASSES, "per_slice": SLICES}
    return run_suite(subject, cases, config=suite(**tables), now=lambda: WHEN, **more)


@pytest.fixture(scope="module")
def alone(trees: Subject, cases: list[LabelledText]) -> SuiteResult:
    return run(trees, cases)


def test_everything_is_measured_for_every_head(
    alone: SuiteResult, cases: list[LabelledText]
) -> None:
    assert set(alone.heads) == {"where", "what", "who"}
    where = alone.heads["where"]
    assert where.n == len(cases)
    assert list(where.metrics)[:3] == ["accuracy", "lenient", "macro_f1"]
    assert {"level1", "level2", "hierarchical_f1", "backed_off"} <= set(where.metrics)
    assert where.metrics["micro_f1"].value.value == where.metrics["accuracy"].value.value
    assert sum(n for _, _, n in where.matrix) == where.n
    assert sum(each.support for each in where.classes) == where.n
    assert sum(each.n for each in where.backoff) == where.n
    assert sum(each.n for each in where.reliability) == where.n
    assert where.risk_coverage[-1].coverage == pytest.approx(1.0)
    assert where.promise.precision == 0.9
    assert where.champion_promise is None
    assert where.mcnemar is None
    assert alone.champion is None
    assert alone.behaviours is None
    assert alone.created_at == WHEN.isoformat()
    assert {next(iter(each.where)) for each in alone.slices} >= {"source", "style", "where"}


def test_a_good_model_passes_and_comparisons_are_skipped(alone: SuiteResult) -> None:
    assert alone.passed, [str(gate) for gate in alone.stopping]
    relative = [gate for gate in alone.gates if "champion" in gate.rule]
    assert relative
    assert {gate.status for gate in relative} == {"skipped"}


def test_a_result_survives_json(alone: SuiteResult) -> None:
    written = orjson.loads(orjson.dumps(alone.as_json()))
    assert written["passed"] is True
    assert SuiteResult.from_json(written) == alone
    with pytest.raises(FileFormatError, match="heads"):
        SuiteResult.from_json({**written, "heads": 3})
    with pytest.raises(FileFormatError, match="format"):
        SuiteResult.from_json({**written, "format": 99})


def test_a_model_is_no_worse_than_itself(trees: Subject, cases: list[LabelledText]) -> None:
    found = run(trees, cases, champion=trees)
    assert found.passed, [str(gate) for gate in found.stopping]
    for head in found.heads.values():
        assert head.mcnemar is not None
        assert (head.mcnemar.only_champion, head.mcnemar.p) == (0, 1.0)
        for metric in head.metrics.values():
            assert metric.difference is not None
            assert metric.difference.low == metric.difference.high == 0.0
    assert not [gate for gate in found.gates if gate.status == "skipped"]


def confused(cases: list[LabelledText]) -> Told:
    by_text = {item.text: item.labels for item in cases}

    def answers(text: str) -> Mapping[str, str]:
        labels = by_text[text]
        return {**labels, "where": "N1" if labels["where"] == "S1" else labels["where"]}

    return Told(three_trees()[0], answers)


def test_a_lost_label_is_named_with_its_numbers_and_texts(
    trees: Subject, cases: list[LabelledText]
) -> None:
    worse = replace(trees, classifier=confused(cases))
    found = run(worse, cases, champion=trees)
    assert not found.passed
    stopping = {(gate.metric, gate.scope, gate.where): gate for gate in found.stopping}
    accuracy = stopping["accuracy", "head", "where"]
    assert accuracy.value is not None
    assert accuracy.champion is not None
    assert accuracy.value < accuracy.champion - 0.1
    assert accuracy.why == "because"
    lost = stopping["recall", "class", "where:S1"]
    assert lost.value == 0.0
    assert lost.examples
    case = found.cases[lost.examples[0]]
    assert (case.heads["where"].gold, case.heads["where"].predicted) == ("S1", "N1")
    assert case.heads["where"].champion == "S1"
    assert ("where.accuracy", "slice", "where=S") in stopping
    assert not [key for key in stopping if key[1] == "class" and key[2] != "where:S1"]
    assert "recall of where:S1 is 0 (champion 1)" in str(lost)
    confusion = found.heads["where"].confusions[0]
    assert (confusion.gold, confusion.predicted) == ("S1", "N1")
    assert set(confusion.examples) <= set(found.cases)
    worst = [each for each in found.worst_slices if each.metric == "where.accuracy"]
    assert worst[0].where["where"] == "S"
    assert worst[0].shortfall.low > 0
    assert set(found.heads["where"].errors) <= set(found.cases)


def test_a_floor_the_champion_misses_keeps_out_only_what_is_worse(
    trees: Subject, cases: list[LabelledText]
) -> None:
    poor = replace(trees, classifier=confused(cases))
    absolute = suite(metric=[{"metric": "accuracy", "head": "where", "min": 0.99}])
    assert not run_suite(poor, cases, config=absolute).passed
    assert run_suite(poor, cases, config=absolute, champion=poor).passed
    assert not run_suite(poor, cases, config=absolute, champion=trees).passed


def test_a_model_that_learnt_the_test_is_refused(
    fit: Fit, trees: Subject, cases: list[LabelledText]
) -> None:
    taxonomy, raw = three_trees()
    everything = [replace(item, meta={}) for item in tree_texts()]
    leaking = [replace(item, id=f"again-{item.id}", meta={"split": "train"}) for item in cases]
    cheat = Subject.load(fit(taxonomy, raw, [*everything, *leaking]))
    found = run(cheat, cases, champion=trees)
    leaked = [gate for gate in found.stopping if gate.metric == "leaked"]
    assert [gate.value for gate in leaked] == [1.0]
    assert set(leaked[0].examples) <= set(found.cases)


def test_a_bundle_that_does_not_say_what_it_saw(trees: Subject, cases: list[LabelledText]) -> None:
    silent = replace(trees, seen=None)
    gate = {"metric": "leaked", "max": 0}
    lenient = run_suite(silent, cases, config=suite(metric=[gate]))
    assert [each.status for each in lenient.gates] == ["unknown"]
    assert lenient.passed
    strict = run_suite(silent, cases, config=suite(metric=[{**gate, "required": True}]))
    assert not strict.passed


def test_heads_without_labels_are_left_out_and_named_gates_say_so(trees: Subject) -> None:
    cases = [LabelledText(str(i), f"老师在北京吃苹果{i}", {"where": "N1"}) for i in range(12)]
    gates = [{"metric": "accuracy", "head": "what", "min": 0.5, "required": True}]
    found = run_suite(trees, cases, config=suite(metric=gates))
    assert set(found.heads) == {"where"}
    assert [(gate.where, gate.status) for gate in found.stopping] == [("what", "unknown")]


def test_the_shipped_gates_hold_for_any_taxonomy(mood_bundle: Path) -> None:
    subject = Subject.load(mood_bundle)
    config = load().model_copy(update={"draws": 30})
    found = run_suite(subject, partition(mood_texts())["test"], config=config, champion=subject)
    assert found.passed, [str(gate) for gate in found.stopping]
    assert set(found.heads) == {"mood"}


def test_what_cannot_be_compared_is_refused(trees: Subject, mood_bundle: Path) -> None:
    with pytest.raises(InputError, match="at least one"):
        run(trees, [])
    with pytest.raises(InputError, match="cannot be compared"):
        run(Subject.load(mood_bundle), mood_texts()[:20], champion=trees)


def test_personal_data_is_masked_and_evidence_moves_along(mood_bundle: Path) -> None:
    text = "电话13912345678，我叫人排队太久，乱扣我钱"
    cases = [LabelledText(f"{i}", f"{text}{i}", {"mood": "good"}) for i in range(12)]
    found = run_suite(Subject.load(mood_bundle), cases, config=suite())
    assert found.cases
    for case in found.cases.values():
        assert "13912345678" not in case.text
        head = case.heads["mood"]
        shown = [case.text[start:end] for start, end, _ in head.evidence]
        assert any("扣" in part or "排队" in part for part in shown), shown


def test_the_data_is_named_by_its_content() -> None:
    one = [LabelledText("1", "甲", {"mood": "good"})]
    assert describe("a", one).sha256 == describe("b", one).sha256
    assert describe("a", one).labelled == {"mood": 1}
    other = [LabelledText("1", "甲", {"mood": "bad"})]
    assert describe("a", one).sha256 != describe("a", other).sha256


def test_steps_are_told(mood_bundle: Path) -> None:
    steps: list[str] = []
    done: list[int] = []
    subject = Subject.load(mood_bundle)
    run_suite(
        subject,
        mood_texts()[:10],
        config=suite(),
        champion=subject,
        extras=Extras(data="moods"),
        on_step=steps.append,
        on_text=done.append,
    )
    assert steps[:2] == ["answering: challenger", "answering: champion"]
    assert done == [*range(1, 11), *range(1, 11)]
    assert two_labels()[0].id == subject.classifier.taxonomy.id
