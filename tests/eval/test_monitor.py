"""The monitor's verdict: what it rests on, and when it stays silent."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from data.taxonomy.schema import Taxonomy
from eval.monitor import Limits, Observed, Standing, monitor
from model.drift import FeatureDrift
from tests.conftest import three_trees, two_labels

LIMITS = Limits(new_labels=250, few_labels=50)
CALM = FeatureDrift("length", "small", 0.01, 0.02, 0.001, ())


def moods() -> Taxonomy:
    return two_labels()[0]


def decided(
    name: str,
    answer: str = "bad",
    outcome: str | None = None,
    *,
    automatic: bool = True,
    audited: bool = False,
    confidence: float = 0.9,
) -> Observed:
    given = {} if outcome is None else {"mood": outcome}
    return Observed(
        name, {"mood": answer}, {"mood": answer}, {"mood": confidence}, automatic, audited, given
    )


def week(
    *, audits_right: int, audits_wrong: int, automatic: int = 900, doubtful: int = 100
) -> list[Observed]:
    """Automatic ones, some audited; doubtful ones, all reviewed, half of them right."""
    said = ("bad", "good")
    audits = [decided(f"r{i}", said[i % 2], said[i % 2], audited=True) for i in range(audits_right)]
    audits += [
        decided(f"w{i}", said[i % 2], said[1 - i % 2], audited=True) for i in range(audits_wrong)
    ]
    rest = [decided(f"a{i}") for i in range(automatic - len(audits))]
    doubts = [
        decided(f"d{i}", said[i // 2 % 2], said[i % 2], automatic=False, confidence=0.5)
        for i in range(doubtful)
    ]
    return [*audits, *rest, *doubts]


def judged(window: list[Observed], new_labels: int = 100, *drift: FeatureDrift) -> Standing:
    return monitor("m", window, drift or (CALM,), new_labels, moods(), LIMITS)


def codes(standing: Standing) -> set[str]:
    return {finding.code for finding in standing.reasons}


def test_a_quiet_week_asks_for_nothing() -> None:
    standing = judged(week(audits_right=58, audits_wrong=2))
    assert not standing.retrain
    assert standing.reasons == ()
    assert standing.automatic_share == pytest.approx(0.9)
    assert (standing.reviewed, standing.audited) == (160, 60)


def test_audit_weights_make_the_estimate_that_of_all_decisions() -> None:
    (head,) = judged(week(audits_right=54, audits_wrong=6)).heads
    assert head.automatic is not None
    assert head.overall is not None
    assert head.automatic.value == pytest.approx(0.90)
    # 900 automatic ones at 0.9, 100 doubtful ones at 0.5; the reviewed alone are right at 0.65.
    assert head.overall.value == pytest.approx(0.86)
    assert head.overall.population == pytest.approx(1000)
    assert head.overall.low < 0.86 < head.overall.high


def test_a_broken_promise_is_a_reason_only_beyond_its_interval() -> None:
    assert not judged(week(audits_right=51, audits_wrong=9)).retrain
    standing = judged(week(audits_right=36, audits_wrong=24))
    assert codes(standing) == {"promise_broken:mood"}
    assert "0.600" in standing.reasons[0].sentence
    assert "0.90" in standing.reasons[0].sentence
    assert standing.retrain


def test_what_departments_sent_back_is_no_random_sample() -> None:
    window = week(audits_right=58, audits_wrong=2)
    back = [decided(f"b{i}", "bad", "good") for i in range(80)]
    (head,) = judged([*window, *back]).heads
    assert head.automatic is not None
    assert head.automatic.n == 60
    # Yet they are overrides.
    assert head.overridden is not None
    assert head.overridden.n == 240


def test_people_who_override_more_than_foretold_are_a_reason() -> None:
    calm = [
        decided(f"d{i}", "bad", "good" if i % 2 else "bad", automatic=False, confidence=0.5)
        for i in range(200)
    ]
    assert "overridden:mood" not in codes(judged(calm))
    sure = [replace(one, confidence={"mood": 0.85}) for one in calm]
    assert "overridden:mood" in codes(judged(sure))


def test_large_drift_is_a_reason_and_small_is_not() -> None:
    large = FeatureDrift("label:mood", "large", 0.4, 0.41, 0.05, ())
    medium = replace(large, band="medium")
    window = week(audits_right=58, audits_wrong=2)
    assert codes(judged(window, 100, large)) == {"drift:label:mood"}
    assert not judged(window, 100, medium).retrain


def test_enough_labels_are_a_reason_and_too_few_a_hindrance() -> None:
    window = week(audits_right=58, audits_wrong=2)
    assert codes(judged(window, 250)) == {"enough_labels"}
    assert judged(window, 250).retrain
    large = FeatureDrift("length", "large", 0.4, 0.41, 0.05, ())
    standing = judged(window, 49, large)
    assert standing.reasons
    assert not standing.retrain
    assert standing.hindrance is not None
    assert "49" in standing.hindrance


def test_a_label_below_its_floor_is_named() -> None:
    window = [decided(f"g{i}", "bad", "good", automatic=False, confidence=0.5) for i in range(30)]
    window += [decided(f"b{i}", "bad", "bad", automatic=False, confidence=0.5) for i in range(90)]
    standing = judged(window)
    assert "class_below_floor:mood:good" in codes(standing)
    assert "class_below_floor:mood:bad" not in codes(standing)
    assert not any("good" in c for c in codes(judged(window[12:])))


def test_a_backed_off_answer_is_right_above_the_label() -> None:
    taxonomy, _ = three_trees()
    one = Observed("1", {"where": "N"}, {"where": "N"}, {"where": 0.8}, True, True, {"where": "N1"})
    other = replace(one, id="2", outcome={"where": "S1"})
    standing = monitor("m", [one, other], [], 0, taxonomy, LIMITS)
    where = next(head for head in standing.heads if head.head == "where")
    assert where.automatic is not None
    assert where.automatic.value == 0.5


def test_an_empty_window_is_no_reason() -> None:
    standing = judged([], 0)
    assert not standing.retrain
    assert standing.heads[0].overall is None
    assert orjson.loads(orjson.dumps(standing.as_json()))["retrain"] is False


def test_the_whole_is_not_estimated_from_one_side_alone() -> None:
    (head,) = judged(week(audits_right=0, audits_wrong=0)).heads
    assert head.automatic is None
    assert head.overall is None
