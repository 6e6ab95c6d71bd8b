"""The learning loop replayed: nothing is revealed unasked, nothing worse is promoted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import orjson
import pytest

pytest.importorskip("sklearn", reason="simulations need scikit-learn")

from data.errors import InputError
from data.labelled import LabelledText
from data.splits import partition
from data.text.normalise import normalise
from model.classifier import Classifier
from model.linear.runtime import LinearClassifier, LinearWeights
from serving.triage.policy import load as load_policy
from serving.triage.policy import packs_for
from tests.conftest import Fit, mood_texts, three_trees, tree_texts, two_labels
from training.linear import LinearConfig, train
from training.selection.select import RANDOM, Mix
from training.simulate.curves import Point, curves, promotions, savings
from training.simulate.division import divide
from training.simulate.gate import HeldOutGate, Metrics, Verdict, allowance, best_of, suite_losses
from training.simulate.linear import LinearTrainer
from training.simulate.loop import Quality, Run, Stage, Step, run
from training.simulate.setup import Options, stage_of
from training.simulate.simulate import Plan, Simulation, simulate
from training.simulate.warm import LinearPlan

TREES, RAW = three_trees()
CONFIG = LinearConfig(min_texts=1)


@pytest.fixture(scope="module")
def base() -> list[LabelledText]:
    """Texts that never speak of the south, so that there is something to learn."""
    return [t for t in tree_texts() if t.labels["where"] not in ("S1", "S2") or t.id.endswith("0")]


@pytest.fixture(scope="module")
def stream() -> list[LabelledText]:
    return [t for t in tree_texts() if not t.id.endswith("0")]


@pytest.fixture(scope="module")
def stage(fit: Fit, base: list[LabelledText]) -> Stage:
    policies = load_policy(packs_for(TREES), TREES)
    when = datetime(2026, 11, 1, tzinfo=UTC)
    return stage_of(fit(TREES, RAW, base), base, policies, when, Options(tolerance=0.02))


@pytest.fixture(scope="module")
def simulation(stage: Stage, stream: list[LabelledText]) -> Simulation:
    return simulate(stage, stream, Plan(every=12, up_to=24, seeds=(0, 1)))


class _Watched:
    """A trainer that remembers what it was shown, and answers as the first model always."""

    def __init__(self, inner: LinearTrainer) -> None:
        self._first = inner.start()
        self.shown: list[list[str]] = []

    def start(self) -> Classifier:
        return self._first

    def fit(self, labelled: Sequence[LabelledText]) -> Classifier:
        self.shown.append([item.id for item in labelled])
        return self._first


class _Scripted:
    """A gate that says what it was told to say."""

    def __init__(self, *answers: tuple[str, ...]) -> None:
        self.allowed: Metrics = {"m": 0.01}
        self._answers = list(answers)

    def measure(self, model: Classifier) -> Metrics:
        return {"m": 0.5}

    def judge(self, challenger: Classifier, floor: Metrics) -> Verdict:
        return Verdict({"m": 0.6}, self._answers.pop(0))


def test_halves_share_nothing_and_look_alike() -> None:
    texts = mood_texts()
    pool, evaluation = divide(texts, two_labels()[0], seed=3)
    assert {t.id for t in pool} & {t.id for t in evaluation} == set()
    assert len(pool) + len(evaluation) == len(texts)
    for half in (pool, evaluation):
        assert sum(t.labels["mood"] == "good" for t in half) == len(texts) / 4
    assert divide(texts, two_labels()[0], seed=3) == (pool, evaluation)
    assert divide(texts, two_labels()[0], seed=4)[0] != pool


def test_a_group_is_never_divided() -> None:
    grouped = [
        LabelledText(t.id, t.text, t.labels, meta={"group": t.id.rsplit("-", 1)[0]})
        for t in mood_texts()
    ]
    pool, evaluation = divide(grouped, two_labels()[0], seed=0)
    assert {t.meta["group"] for t in pool} & {t.meta["group"] for t in evaluation} == set()
    with pytest.raises(InputError, match="two groups"):
        divide(grouped[:3], two_labels()[0], seed=0)


def test_labels_are_revealed_only_as_they_are_asked_for(
    stage: Stage, stream: list[LabelledText]
) -> None:
    assert isinstance(stage.trainer, LinearTrainer)
    trainer = _Watched(stage.trainer)
    watched = Stage(TREES, stage.reader, trainer, stage.gate, stage.base_counts)
    pool, evaluation = divide(stream, TREES, 0)
    found = run(watched, "s", Mix(), pool, evaluation, every=10, up_to=25, seed=0)
    assert [len(shown) for shown in trainer.shown] == [10, 20, 25]
    assert trainer.shown[1][:10] == trainer.shown[0]
    assert set(trainer.shown[-1]) <= {t.id for t in pool}
    assert [step.labels for step in found.steps] == [0, 10, 20, 25]


def test_the_loop_ends_with_the_pool(stage: Stage, stream: list[LabelledText]) -> None:
    pool, evaluation = divide(stream, TREES, 0)
    watched = Stage(TREES, stage.reader, _Watched(stage.trainer), stage.gate)  # type: ignore[arg-type]
    found = run(watched, "r", RANDOM, pool[:12], evaluation, every=5, up_to=100, seed=0)
    assert [step.labels for step in found.steps] == [0, 5, 10, 12]
    last = found.steps[-1].audit
    assert last is not None
    # The rest of a pool taken whole is no estimate.
    assert last.low == last.estimate == last.high == last.truth


def test_a_refused_challenger_does_not_serve(stage: Stage, stream: list[LabelledText]) -> None:
    pool, evaluation = divide(stream, TREES, 0)
    gate = _Scripted((), ("m too low",), ())
    found = run(
        Stage(TREES, stage.reader, stage.trainer, gate),
        "s", Mix(), pool, evaluation, every=6, up_to=18, seed=0,
    )  # fmt: skip
    _, first, second, third = found.steps
    assert first.champion == first.challenger
    assert second.refused == ("m too low",)
    assert second.champion == first.challenger
    assert third.champion == third.challenger


def test_the_first_model_answers_as_the_bundle_does(fit: Fit, base: list[LabelledText]) -> None:
    path = fit(TREES, RAW, base)
    bundle = LinearClassifier.load(path)
    mine = LinearTrainer.of_bundle(path, partition(base), LinearPlan(config=CONFIG)).start()
    texts = [normalise(t.text) for t in tree_texts()[::7]]
    for name, logits in bundle.logits(texts).items():
        assert mine.logits(texts)[name] == pytest.approx(logits, abs=1e-4)
    for text in texts[:10]:
        theirs, ours = bundle.predict(text), mine.predict(text)
        assert ours.unsure == theirs.unsure
        assert {n: h.code for n, h in ours.heads.items()} == {
            n: h.code for n, h in theirs.heads.items()
        }


def test_a_warm_fit_ends_where_a_fresh_one_does(
    fit: Fit, base: list[LabelledText], stream: list[LabelledText]
) -> None:
    path = fit(TREES, RAW, base)
    parts = partition(base)
    plan = LinearPlan(weight=1.0, config=CONFIG)
    texts = [normalise(t.text) for t in stream[::5]]
    warm = LinearTrainer.of_bundle(path, parts, plan)
    warm.fit(stream[:5])
    # The same vocabulary without any start: first weights that are nothing.
    kept = LinearWeights.load(path, [head.name for head in TREES.heads])
    nothing = LinearWeights(
        kept.vocabulary,
        kept.idf,
        {name: np.zeros_like(array) for name, array in kept.coef.items()},
        {name: np.zeros_like(array) for name, array in kept.bias.items()},
    )
    fresh = LinearTrainer(parts, TREES, plan, nothing)
    mine, other = warm.fit(stream[:40]).logits(texts), fresh.fit(stream[:40]).logits(texts)
    for name in mine:
        gaps = [m - m.mean(axis=1, keepdims=True) for m in (mine[name], other[name])]
        assert np.abs(gaps[0] - gaps[1]).max() < 0.25
        assert (gaps[0].argmax(axis=1) == gaps[1].argmax(axis=1)).mean() > 0.97


def test_labels_teach_and_weigh(fit: Fit, base: list[LabelledText]) -> None:
    path, parts = fit(TREES, RAW, base), partition(base)
    wrong = [LabelledText(f"x{i}", "老师在北京吃苹果", {"what": "G"}) for i in range(3)]
    text = [normalise("老师在北京吃苹果")]
    column = TREES["what"].leaf_index["G"]
    scores = [
        LinearTrainer.of_bundle(path, parts, LinearPlan(weight=weight, config=CONFIG))
        .fit(wrong)
        .logits(text)["what"][0, column]
        for weight in (0.5, 30.0)
    ]
    assert scores[1] > scores[0] + 1


def test_a_two_label_head_starts_warm(fit: Fit) -> None:
    taxonomy, raw = two_labels()
    texts = mood_texts()
    trainer = LinearTrainer.of_bundle(
        fit(taxonomy, raw, texts), partition(texts), LinearPlan(config=CONFIG)
    )
    model = trainer.fit([LabelledText("n", "利息算得好", {"mood": "good"})] * 5)
    assert model.predict(normalise("利息算得好")).heads["mood"].code == "good"
    assert model.predict(normalise("态度恶劣")).heads["mood"].code == "bad"


def test_the_gate_measures_against_the_best_so_far(base: list[LabelledText]) -> None:
    weights = train(base, TREES, CONFIG)
    model = LinearTrainer(partition(base), TREES, LinearPlan(config=CONFIG), weights).start()
    gate = HeldOutGate(partition(base)["test"], {"accuracy": 0.01, "macro_f1": 0.01})
    now = gate.measure(model)
    assert set(now) == {f"{h.name}.{m}" for h in TREES.heads for m in ("accuracy", "macro_f1")}
    assert gate.judge(model, now).promoted
    better = {name: value + 0.02 for name, value in now.items()}
    verdict = gate.judge(model, better)
    assert not verdict.promoted
    assert any(reason.startswith("where.accuracy") for reason in verdict.refused)
    lenient = HeldOutGate(partition(base)["test"], {"accuracy": 0.03, "macro_f1": 0.0})
    assert {r.split()[0].split(".")[1] for r in lenient.judge(model, better).refused} == {
        "macro_f1"
    }
    assert best_of({"a": 0.5, "b": 0.9}, {"a": 0.6, "b": 0.8}) == {"a": 0.6, "b": 0.9}


def _quality(value: float) -> Quality:
    return Quality({"h": value}, {"h": value}, 0.5)


def _run(strategy: str, *steps: tuple[float, tuple[str, ...]], seed: int = 0) -> Run:
    return Run(
        strategy,
        seed,
        tuple(
            Step(10 * i, _quality(v), _quality(v), {"m": v}, refused)
            for i, (v, refused) in enumerate(steps)
        ),
    )


def test_the_gate_is_as_strict_as_the_suite() -> None:
    from eval.suite.config import load as load_suite

    losses = suite_losses(load_suite())
    assert set(losses) == {"accuracy", "macro_f1"}
    assert all(0 < loss <= 0.02 for loss in losses.values())
    assert allowance(losses, "a.b.accuracy") == losses["accuracy"]
    assert allowance(losses, "a.lenient") == 0.0


def test_promotions_are_counted_from_what_was_recorded() -> None:
    steps = [(0.50, ()), (0.60, ()), (0.40, ("too low",)), (0.59, ()), (0.585, ())]
    found = promotions([_run("s", *steps)], {"m": 0.01})
    assert (found.promoted, found.refused) == (3, 1)
    assert found.largest_fall == pytest.approx(0.01)
    assert found.below_best == pytest.approx(0.015)
    assert found.beyond == pytest.approx(0.005)
    assert promotions([_run("s", (0.5, ()), (0.6, ()))], {}).largest_fall == 0.0


def test_curves_have_intervals_over_runs() -> None:
    runs = [_run("s", (0.5, ()), (0.6, ())), _run("s", (0.5, ()), (0.8, ()), seed=1)]
    first, second = curves(runs)["mean_macro_f1"]
    assert (first.value, first.low, first.high) == (0.5, 0.5, 0.5)
    assert second.value == pytest.approx(0.7)
    # Student's t with one degree of freedom: 12.706 · 0.1.
    assert second.high - second.value == pytest.approx(1.2706, abs=1e-3)
    assert np.isnan(curves(runs[:1])["mean_macro_f1"][1].low)


def test_labels_saved_are_read_off_the_other_curve() -> None:
    mine = [Point(n, v, v, v) for n, v in ((0, 0.5), (10, 0.6), (20, 0.7), (30, 0.9))]
    other = [Point(n, v, v, v) for n, v in ((0, 0.5), (10, 0.55), (20, 0.65), (30, 0.75))]
    assert [s.other for s in savings(mine, other)] == [pytest.approx(15), pytest.approx(25), None]


def test_a_simulation_has_both_strategies_on_the_same_ground(simulation: Simulation) -> None:
    assert {name: len(runs) for name, runs in simulation.runs.items()} == {
        "selection": 2,
        "random": 2,
    }
    selection, chance = (simulation.curve(name) for name in ("selection", "random"))
    assert [p.labels for p in selection] == [0, 12, 24]
    assert selection[0] == chance[0]
    assert selection[-1].value > selection[0].value
    assert {simulation.promotions(name).beyond for name in simulation.runs} == {0.0}


def test_a_run_is_repeatable(
    stage: Stage, stream: list[LabelledText], simulation: Simulation
) -> None:
    pool, evaluation = divide(stream, TREES, 1)
    again = run(stage, "selection", Mix(), pool, evaluation, every=12, up_to=24, seed=1)
    assert again == simulation.runs["selection"][1]


def test_a_simulation_as_json_and_as_a_picture(simulation: Simulation, tmp_path: Path) -> None:
    values = orjson.loads(orjson.dumps(simulation.as_json()))
    assert {"curves", "gains", "savings", "promotions", "audits", "runs"} <= set(values)
    assert len(values["runs"]) == 4
    pytest.importorskip("matplotlib", reason="plots need matplotlib")
    from training.simulate.plot import plot

    for suffix in ("svg", "png"):
        plot(simulation, tmp_path / f"curves.{suffix}")
    drawn = (tmp_path / "curves.svg").read_text(encoding="utf-8")
    assert drawn.startswith("<?xml")
    assert (tmp_path / "curves.png").stat().st_size > 10_000


def test_a_promotion_that_slips_past_the_gate_is_an_error(
    stage: Stage, stream: list[LabelledText]
) -> None:
    class Lax(HeldOutGate):
        def __init__(self) -> None:
            super().__init__([], {"m": 0.01})
            self._value = 1.0

        def measure(self, model: Classifier) -> Metrics:
            return {"m": 1.0}

        def judge(self, challenger: Classifier, floor: Metrics) -> Verdict:
            self._value -= 0.1
            return Verdict({"m": self._value}, ())

    lax = Stage(TREES, stage.reader, _Watched(stage.trainer), Lax())  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="below its gate"):
        simulate(lax, stream, Plan(every=8, up_to=8, seeds=(0,)))


def test_what_cannot_be_simulated_is_said(fit: Fit, base: list[LabelledText]) -> None:
    with pytest.raises(InputError, match="every"):
        Plan(every=10, up_to=5)
    with pytest.raises(InputError, match="weight"):
        Options(weight=0)
    policies, when = load_policy(packs_for(TREES), TREES), datetime(2026, 11, 1, tzinfo=UTC)
    train_only = [LabelledText(t.id, t.text, t.labels, meta={"split": "train"}) for t in base]
    with pytest.raises(InputError, match="split dev"):
        stage_of(fit(TREES, RAW, base), train_only, policies, when, Options())
