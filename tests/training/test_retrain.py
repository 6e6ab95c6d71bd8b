"""From labelled texts to a champion, however often it is interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

pytest.importorskip("sklearn", reason="training needs scikit-learn")

from data.errors import ConflictError, InputError
from data.labelled import LabelledText
from data.snapshot.record import Feedback, LabelRecord
from data.snapshot.store import load as load_snapshot
from model import bundle
from model.registry.registry import Registry
from model.registry.resolve import resolve
from tests.training import retrain_kit as kit
from training.retrain.plan import Outcome, RetrainPlan
from training.retrain.run import retrain
from training.retrain.start import alone

ROOT = Path(__file__).parents[2]
STEPS = ("begin", "check", "train", "export", "suite", "registry")


def run(plan: RetrainPlan, **named: object) -> Outcome:
    return retrain(plan, clock=kit.clock, **named)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[RetrainPlan, Outcome]:
    """A run that nothing interrupted."""
    plan = kit.plan(tmp_path_factory.mktemp("whole"))
    return plan, run(plan)


def test_the_challenger_of_an_empty_registry_becomes_champion(
    whole: tuple[RetrainPlan, Outcome],
) -> None:
    plan, outcome = whole
    assert outcome.passed
    assert outcome.promoted
    assert outcome.champion is None
    assert resolve(None, plan.registry).name == outcome.version
    assert outcome.metrics["mood"]["accuracy"] == 1.0


def test_every_step_says_what_it_did(whole: tuple[RetrainPlan, Outcome]) -> None:
    _, outcome = whole
    for step in STEPS:
        record = orjson.loads((outcome.run / "steps" / f"{step}.json").read_bytes())
        assert record["name"] == step
        assert record["given"]
    begun = orjson.loads((outcome.run / "steps" / "begin.json").read_bytes())["values"]
    assert begun["snapshot"] == outcome.snapshot
    assert begun["counts"]["train"] > begun["counts"]["test"] > 0
    assert "leaks" in outcome.flags
    environment = orjson.loads((outcome.run / "environment.json").read_bytes())
    assert environment["packages"]["scikit-learn"]
    config = orjson.loads((outcome.run / "config.json").read_bytes())
    assert config["challenger"]["config"]["seed"] == 20261122
    assert (outcome.run / "status").read_text() == "finished\n"
    rows = (outcome.run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    series = [orjson.loads(row)["series"] for row in rows]
    assert series == ["training", "challenger"]


def test_the_same_command_again_does_nothing(whole: tuple[RetrainPlan, Outcome]) -> None:
    plan, outcome = whole
    told: list[str] = []
    assert run(plan, on_step=told.append) == outcome
    assert told == ["snapshot"]
    assert len(Registry(plan.registry).log.entries()) == 2


def test_the_same_data_gives_the_same_bundle(
    whole: tuple[RetrainPlan, Outcome], tmp_path: Path
) -> None:
    _, outcome = whole
    again = run(kit.plan(tmp_path / "again", list(reversed(kit.few()))))
    assert again.version == outcome.version
    paths = [(o.run / "bundle" / bundle.MANIFEST).read_bytes() for o in (outcome, again)]
    assert paths[0] == paths[1]


@pytest.mark.parametrize("step", STEPS)
def test_killed_before_a_step_it_ends_as_if_it_had_not_been(
    step: str, whole: tuple[RetrainPlan, Outcome], tmp_path: Path
) -> None:
    plan = kit.plan(tmp_path / "broken")
    with pytest.raises(kit.KilledError):
        run(plan, on_step=kit.kill_at(step))
    told: list[str] = []
    outcome = run(plan, on_step=told.append)
    assert outcome.version == whole[1].version
    assert outcome.promoted
    assert [name for name in told if name in STEPS] == list(STEPS[STEPS.index(step) :])
    actions = [entry.action for entry in Registry(plan.registry).log.entries()]
    assert actions == ["register", "promote"]


@pytest.mark.parametrize("nth", [1, 2])
def test_killed_between_log_and_alias_it_is_promoted_once(
    nth: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = kit.plan(tmp_path / "broken")
    calls = 0

    def mend(self: Registry) -> None:
        nonlocal calls
        calls += 1
        if calls == nth:
            raise kit.KilledError

    with monkeypatch.context() as patch:
        patch.setattr(Registry, "mend", mend)
        with pytest.raises(kit.KilledError):
            run(plan)
    outcome = run(plan)
    assert outcome.promoted
    store = Registry(plan.registry)
    assert [entry.action for entry in store.log.entries()] == ["register", "promote"]
    store.mend()
    assert (store.path / "aliases" / "champion").read_text() == f"{outcome.version}\n"


def test_a_real_kill_in_the_middle_of_training(
    whole: tuple[RetrainPlan, Outcome], tmp_path: Path
) -> None:
    plan = kit.plan(tmp_path / "broken")
    script = f"""
import os, signal
from pathlib import Path
from tests.training import retrain_kit as kit
from training.retrain.run import retrain
def told(words):
    if words == "calibrating":
        os.kill(os.getpid(), signal.SIGKILL)
retrain(kit.plan(Path({str(tmp_path / "broken")!r})), clock=kit.clock, on_step=told)
"""
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environ, check=False)
    assert done.returncode == -signal.SIGKILL
    assert run(plan).version == whole[1].version


def test_the_page_and_the_plots(whole: tuple[RetrainPlan, Outcome]) -> None:
    pytest.importorskip("jinja2", reason="the page is a jinja2 template")
    pytest.importorskip("matplotlib", reason="plots need suda[train]")
    outcome = run(replace(whole[0], report=True))
    assert outcome.report is not None
    assert "<html" in outcome.report.read_text(encoding="utf-8")
    assert (outcome.run / "curves" / "challenger.svg").exists()


def test_two_processes_do_not_share_a_run(whole: tuple[RetrainPlan, Outcome]) -> None:
    plan, outcome = whole
    with alone(outcome.run), pytest.raises(ConflictError, match="another process is at this run"):
        run(plan)


def test_without_promote_it_waits_and_the_next_command_promotes(tmp_path: Path) -> None:
    plan = kit.plan(tmp_path / "waits", promote=False)
    outcome = run(plan)
    store = Registry(plan.registry)
    assert (outcome.passed, outcome.promoted, store.champion) == (True, False, None)
    assert set(store.state().versions) == {outcome.version}
    told: list[str] = []
    assert run(replace(plan, promote=True), on_step=told.append).promoted
    assert told == ["snapshot", "registry"]
    assert store.champion == outcome.version


def muddled(texts: list[LabelledText]) -> list[LabelledText]:
    """Training labels the wrong way round, test labels as they were."""
    other = {"good": "bad", "bad": "good"}
    return [
        replace(t, labels={"mood": other[t.labels["mood"]]}) if t.meta["split"] == "train" else t
        for t in texts
    ]


def test_a_worse_challenger_is_registered_and_refused_with_reasons(tmp_path: Path) -> None:
    plan = kit.plan(tmp_path, kit.few())
    champion = run(plan)
    worse = run(kit.plan(tmp_path, muddled(kit.few())))
    assert (worse.passed, worse.promoted, worse.champion) == (False, False, champion.version)
    store = Registry(plan.registry)
    assert store.champion == champion.version
    assert worse.version in store.state().versions
    accuracy = next(reason for reason in worse.refused if reason.startswith("accuracy of mood"))
    assert "champion 1" in accuracy
    assert "expected" in accuracy
    recall = next(reason for reason in worse.refused if reason.startswith("recall of mood:bad"))
    assert "mood bad, answered good" in recall
    assert worse.refused[0] in (worse.run / "gates.txt").read_text(encoding="utf-8")
    with pytest.raises(ConflictError, match="accuracy of mood"):
        store.promote(worse.version, who="a", why="x")


def test_what_was_rolled_back_is_not_promoted_again(tmp_path: Path) -> None:
    plan = kit.plan(tmp_path, kit.few())
    first = run(plan)
    second_plan = kit.plan(tmp_path, kit.few()[:-8])
    second = run(second_plan)
    assert second.promoted
    store = Registry(plan.registry)
    store.rollback(who="a", why="complaints")
    again = run(second_plan)
    assert store.champion == first.version
    assert any("has taken its place" in note for note in again.notes)


def test_another_champion_since_means_another_suite(tmp_path: Path) -> None:
    plan = kit.plan(tmp_path, kit.few(), promote=False)
    waiting = run(plan)
    other = run(kit.plan(tmp_path, kit.few()[:-8]))
    told: list[str] = []
    outcome = run(kit.plan(tmp_path, kit.few()), on_step=told.append)
    assert outcome.version == waiting.version
    assert outcome.champion == other.version
    assert "train" not in told
    assert "suite" in told


def test_what_people_decided_trains(tmp_path: Path) -> None:
    record = LabelRecord(
        subject="c1",
        head="mood",
        code="bad",
        who="李",
        role="review",
        decided_at=datetime(2026, 11, 1, tzinfo=UTC),
    )
    feedback = [Feedback("c1", "柜台窗口只开一个，人挤人，喊了也没用", (record,))]
    plan = kit.plan(tmp_path)
    outcome = run(plan, feedback=feedback)
    snapshot = load_snapshot(plan.snapshots / outcome.snapshot)
    assert snapshot.manifest.lineage["c1"]["mood"].who == "李"
    assert run(plan).snapshot != outcome.snapshot


def test_cases_of_ones_own_judge_and_never_train(tmp_path: Path) -> None:
    outside = [replace(t, meta={}) for t in kit.few()[:20]]
    cases = kit.write_rows(tmp_path / "cases.jsonl", outside)
    plan = replace(kit.plan(tmp_path, kit.few()), cases=cases)
    outcome = run(plan)
    assert outcome.passed
    suite = orjson.loads((outcome.run / "suite.json").read_bytes())
    assert suite["data"]["n"] == 20
    assert suite["challenger"]["leak"]["trained"] == 0
    assert any("held out" in note for note in outcome.notes)


def test_a_registry_is_for_one_set_of_labels(
    whole: tuple[RetrainPlan, Outcome], tree_bundle: Path, tmp_path: Path
) -> None:
    store = Registry(tmp_path / "models")
    store.promote(store.add(tree_bundle, who="a", why="x"), who="a", why="x", force=True)
    with pytest.raises(InputError, match="one registry is for one set of labels"):
        run(replace(kit.plan(tmp_path), registry=store.path))
