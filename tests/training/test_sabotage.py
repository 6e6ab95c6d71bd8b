"""A challenger that somebody spoilt is refused each time, and for the right reason."""

from __future__ import annotations

import json
import random
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("sklearn", reason="training needs scikit-learn")

from data.errors import BundleError, ConflictError
from data.labelled import LabelledText
from data.taxonomy.load import parse
from data.text.normalise import NormalisedText
from eval.suite.result import GateResult
from eval.suite.subject import Subject
from model import bundle
from model.classifier import Classifier, Prediction
from model.registry.registry import Registry
from model.seen import FILE as SEEN
from tests.training import court_kit as kit
from training.fit import Recipe, fit_linear
from training.retrain.judge import Court, judge

Texts = Sequence[LabelledText]
Fit = Callable[[str, Texts], Path]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Fit:
    folder = tmp_path_factory.mktemp("sabotage")

    def fit(name: str, texts: Texts) -> Path:
        fit_linear(texts, kit.taxonomy(), kit.taxonomy_bytes(), folder / name, Recipe())
        return folder / name

    return fit


@pytest.fixture(scope="module")
def champion(made: Fit) -> Path:
    return made("champion", kit.texts())


@pytest.fixture
def store(champion: Path, tmp_path: Path) -> Registry:
    store = Registry(tmp_path / "models")
    store.promote(store.add(champion, who="a", why="x"), who="a", why="x", force=True)
    return store


def court(cases: Texts = ()) -> Court:
    """The shipped gates, with fewer draws and fewer texts to time."""
    opened = Court.open(cases or kit.with_split(kit.texts(), "test"), "small", None)
    quick = {"timed": 12, "repeated": 8}
    operating = opened.suite.operating.model_copy(update=quick)
    return replace(
        opened, suite=opened.suite.model_copy(update={"draws": 150, "operating": operating})
    )


def refused(store: Registry, path: Path, by: Court | None = None) -> list[GateResult]:
    """The gates that stop the bundle at `path`; promotion is refused in their words."""
    before = store.champion
    version = store.add(path, who="mallory", why="better, trust me")
    result, verdict = judge(store, version, by or court())
    with pytest.raises(ConflictError) as error:
        store.promote(version, who="mallory", why="better, trust me")
    assert store.champion == before
    assert str(result.stopping[0]) in str(error.value)
    assert verdict.failed
    return list(result.stopping)


def named(gates: Sequence[GateResult]) -> set[str]:
    return {f"{gate.metric} {gate.where}".strip() for gate in gates}


def training(change: Callable[[LabelledText], LabelledText | None]) -> list[LabelledText]:
    """All texts, the training ones changed or left out."""
    changed = [change(t) if t.meta["split"] == "train" else t for t in kit.texts()]
    return [t for t in changed if t is not None]


def rewritten(source: Path, target: Path, *, leave_out: str = "", **changes: Any) -> Path:
    """The bundle with something else in it and everything else put right, version included."""
    manifest, _ = bundle.read(source)
    names = set(manifest.files) - {bundle.TAXONOMY, leave_out}
    given: dict[str, Any] = {
        "kind": manifest.kind,
        "taxonomy_bytes": (source / bundle.TAXONOMY).read_bytes(),
        "heads": manifest.heads,
        "files": {name: (source / name).read_bytes() for name in names},
        "snapshot": manifest.snapshot,
        "training": manifest.training,
        "metrics": manifest.metrics,
        "runtime": manifest.runtime,
    }
    bundle.write(target, **{**given, **changes})
    return target


def swapped(raw: bytes) -> bytes:
    """The taxonomy with the first two urgencies in each other's place."""
    document = yaml.safe_load(raw)
    labels = next(h for h in document["heads"] if h["name"] == "urgency")["labels"]
    labels[0], labels[1] = labels[1], labels[0]
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False).encode()


def test_an_honest_challenger_passes(store: Registry, made: Fit) -> None:
    """The control: a few texts less change nothing that a gate minds."""
    kept = {t.id for n, t in enumerate(kit.texts()) if n % 40}
    path = made("honest", training(lambda t: t if t.id in kept else None))
    version = store.add(path, who="a", why="x")
    result, _ = judge(store, version, court())
    assert result.stopping == ()
    assert store.promote(version, who="a", why="x") is not None


def test_labels_of_one_class_shuffled(store: Registry, made: Fit) -> None:
    draw = random.Random(1)  # noqa: S311
    others = [code for code in kit.REASONS if code != "C10"]

    def shuffle(item: LabelledText) -> LabelledText:
        wrong = item.labels["reason"] == "C10"
        return kit.relabelled(item, reason=draw.choice(others)) if wrong else item

    gates = refused(store, made("shuffled", training(shuffle)))
    assert {"recall reason:C10", "accuracy reason"} <= named(gates)
    lost = next(gate for gate in gates if gate.where == "reason:C10")
    assert lost.value is not None
    assert lost.champion is not None
    assert lost.value < 0.2 < lost.champion
    assert lost.examples


def test_the_top_urgency_dropped_from_training(store: Registry, made: Fit) -> None:
    path = made("dropped", training(lambda t: None if t.labels["urgency"] == "I" else t))
    gates = refused(store, path)
    assert {"recall urgency:I", "urgent_recall urgency", "kappa urgency"} <= named(gates)


def test_labels_swapped_in_the_manifest(store: Registry, champion: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(champion, tmp_path / "copy"))
    values = json.loads((copy / bundle.MANIFEST).read_bytes())
    values["heads"]["urgency"]["leaves"][:2] = ["II", "I"]
    (copy / bundle.MANIFEST).write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(BundleError, match=r"head urgency does not match taxonomy\.yaml"):
        store.add(copy, who="mallory", why="x")


def test_labels_swapped_and_hashes_mended(store: Registry, champion: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(champion, tmp_path / "copy"))
    raw = swapped((copy / bundle.TAXONOMY).read_bytes())
    (copy / bundle.TAXONOMY).write_bytes(raw)
    values = json.loads((copy / bundle.MANIFEST).read_bytes())
    values["heads"]["urgency"]["leaves"][:2] = ["II", "I"]
    values["files"][bundle.TAXONOMY] = bundle.sha256_of(copy / bundle.TAXONOMY)
    values["taxonomy"] = parse(raw, name="swapped").stamp
    (copy / bundle.MANIFEST).write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(BundleError, match="does not name its content"):
        store.add(copy, who="mallory", why="x")


def test_labels_swapped_and_everything_mended(
    store: Registry, champion: Path, tmp_path: Path
) -> None:
    raw = swapped((champion / bundle.TAXONOMY).read_bytes())
    taxonomy = parse(raw, name="swapped")
    heads = {
        name: head.model_copy(update={"leaves": list(taxonomy[name].leaves)})
        for name, head in bundle.read(champion)[0].heads.items()
    }
    path = rewritten(champion, tmp_path / "swapped", taxonomy_bytes=raw, heads=heads)
    gates = refused(store, path)
    assert {"accuracy urgency", "recall urgency:I"} <= named(gates)
    assert "accuracy reason" not in named(gates)


def test_overfitted_on_the_test_set(store: Registry, made: Fit) -> None:
    seen = [
        replace(t, id=f"{t.id}-seen", meta={"split": "train", "group": f"{t.id}-seen"})
        for t in kit.with_split(kit.texts(), "test")
    ]
    gates = refused(store, made("overfitted", [*kit.texts(), *seen]))
    assert named(gates) == {"leaked"}
    assert gates[0].value == 1.0
    assert gates[0].examples


def test_overfitted_and_silent_about_it(store: Registry, champion: Path, tmp_path: Path) -> None:
    gates = refused(store, rewritten(champion, tmp_path / "silent", leave_out=SEEN))
    assert named(gates) == {"leaked"}
    assert gates[0].status == "unknown"


class Slow:
    """A classifier that answers as another does, later."""

    def __init__(self, other: Classifier, seconds: float) -> None:
        self._other, self._seconds = other, seconds

    def __getattr__(self, name: str) -> Any:
        return getattr(self._other, name)

    def predict(self, text: NormalisedText, *, top_k: int = 3) -> Prediction:
        time.sleep(self._seconds)
        return self._other.predict(text, top_k=top_k)


def test_slower_than_allowed(
    store: Registry, champion: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads = {
        name: head.model_copy(update={"review": round(head.review - 0.0001, 4)})
        for name, head in bundle.read(champion)[0].heads.items()
    }
    path = rewritten(champion, tmp_path / "slow", heads=heads)
    version = bundle.read(path)[0].version
    plain = Subject.load

    def load(given: Path) -> Subject:
        subject = plain(given)
        slow = subject.manifest.version == version
        return replace(subject, classifier=Slow(subject.classifier, 0.07)) if slow else subject

    monkeypatch.setattr(Subject, "load", load)
    gates = refused(store, path, court(kit.with_split(kit.texts(), "test")[:12]))
    assert named(gates) == {"latency_ms"}
    slowest = max(gates, key=lambda gate: gate.value or 0.0)
    assert slowest.value is not None
    assert slowest.value >= 70


def test_miscalibrated(store: Registry, champion: Path, tmp_path: Path) -> None:
    """Much too sure of itself, and otherwise the same: the same labels, the same hashes."""
    heads = {
        name: head.model_copy(update={"temperature": head.temperature / 8})
        for name, head in bundle.read(champion)[0].heads.items()
    }
    gates = refused(store, rewritten(champion, tmp_path / "sure", heads=heads))
    assert {"ece reason", "ece urgency"} <= named(gates)
    assert not {"accuracy reason", "accuracy urgency"} & named(gates)
