"""`suda monitor` over a store that has seen some weeks."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker
from typer.testing import CliRunner

from data.errors import FileFormatError
from data.files import write_rows
from data.records import Complaint
from data.snapshot.record import LabelRecord
from serving.cli.main import app
from serving.cli.retrain import REFUSED
from serving.monitoring import new_labels, observe, window
from serving.pipeline import Pipeline
from serving.settings import Settings
from serving.store import labels
from serving.store.database import connect, migrate
from serving.store.entry import Entry
from serving.store.store import Store
from tests.conftest import mood_texts

RUN = CliRunner()
NOW = datetime.now(UTC)
CODES = {"good": "bad", "bad": "good"}
Decide = Callable[..., list[str]]


@pytest.fixture
def database(mood_bundle: Path, in_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    url = f"sqlite:///{in_tmp}/suda.sqlite3"
    monkeypatch.setenv("SUDA_DATABASE_URL", url)
    monkeypatch.setenv("SUDA_BUNDLE", str(mood_bundle))
    monkeypatch.setenv("COLUMNS", "200")
    rows = [{"id": t.id, "text": t.text, **t.labels} for t in mood_texts()]
    write_rows(in_tmp / "base.jsonl", rows, [])
    return url


@pytest.fixture
def decide(database: str) -> Decide:
    """Save decisions on texts; `reviewed` says what people made of each answer."""
    engine = connect(database)
    migrate(engine)
    store = Store(engine)
    pipeline = Pipeline.open(Settings())

    def run(
        texts: list[str],
        reviewed: Callable[[str], str | None] = lambda _: None,
        *,
        received: datetime = NOW - timedelta(days=2),
    ) -> list[str]:
        found = []
        for i, text in enumerate(texts):
            name = f"{received:%m%d}{len(text):04}{i:018}"
            complaint = Complaint(text, received)
            outcome = pipeline.outcome(complaint, name)
            body = json.dumps(outcome.answer).encode()
            store.save(Entry(name, complaint, "f", None, body, outcome.versions))
            answer = outcome.answer["labels"]["mood"]["code"]
            if code := reviewed(answer):
                now = datetime.now(UTC)
                with store.session.begin() as session:
                    record = LabelRecord(name, "mood", code, "li", now, "review", answer, "b")
                    labels.append(session, [record], now)
            found.append(name)
        return found

    return run


def session(url: str) -> Session:
    return sessionmaker(connect(url))()


def run(*args: str) -> tuple[int, dict[str, object], str]:
    done = RUN.invoke(app, ["monitor", "--base", "base.jsonl", "-o", "out.json", *args])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, json.loads(Path("out.json").read_bytes()), done.output


def test_an_empty_store_asks_for_nothing(database: str) -> None:
    code, found, output = run()
    assert (code, found["retrain"], found["n"]) == (0, False, 0)
    assert "retrain: no" in output


def test_enough_labels_ask_for_a_retraining(decide: Decide) -> None:
    decide([t.text for t in mood_texts()[:60]], lambda answer: answer)
    code, found, output = run("--enough", "60")
    assert code == 10
    assert found["retrain"] is True
    assert [reason["code"] for reason in found["reasons"]] == ["enough_labels"]  # type: ignore[attr-defined, index]
    assert "retrain: yes" in output
    assert run("--enough", "61")[0] == 0


def test_other_texts_than_before_are_drift(decide: Decide) -> None:
    decide(["The quick brown fox jumps over the lazy dog, again and again and again."] * 40)
    code, found, output = run("--min-n", "30", "--few", "1")
    drifted = {f["feature"]: f["band"] for f in found["drift"]}  # type: ignore[attr-defined]
    assert drifted["length"] == drifted["unknown_rate"] == "large"
    # There is a reason, and nothing yet to learn from.
    assert code == 0
    assert "suda select" in str(found["hindrance"])
    assert "length" in output


def test_the_window_has_an_end_and_a_beginning(decide: Decide, database: str) -> None:
    texts = [t.text for t in mood_texts()[:5]]
    decide(texts, received=NOW - timedelta(days=40))
    recent = decide(texts, lambda answer: CODES[answer])
    with session(database) as opened:
        found = window(opened, NOW - timedelta(days=28), NOW, most_texts=3)
        assert {one.id for one in found.observed} == set(recent)
        assert len(found.texts) == 3
        assert all(one.outcome["mood"] != one.said["mood"] for one in found.observed)
        assert new_labels(opened, NOW - timedelta(hours=1)) == 5
        assert new_labels(opened, NOW + timedelta(hours=1)) == 0


def test_customers_opinions_are_no_outcome() -> None:
    decision = {
        "labels": {"mood": {"code": "bad", "confidence": 0.9}},
        "review": {"needed": True, "reasons": ["audit_sample"]},
    }
    record = LabelRecord("1", "mood", "good", "cust", NOW, "customer", "bad", "b")
    one = observe("1", decision, [record])
    assert one.outcome == {}
    assert one.automatic
    assert one.audited
    doubtful = {**decision, "review": {"reasons": ["audit_sample", "low_confidence:mood"]}}
    assert not observe("1", doubtful, []).automatic


def test_the_reference_is_kept_and_checked(database: str) -> None:
    run()
    (kept,) = Path("var/monitor").glob("*.json")
    before = kept.read_bytes()
    run()
    assert kept.read_bytes() == before
    kept.write_text("[]")
    done = RUN.invoke(app, ["monitor", "--base", "base.jsonl"])
    assert isinstance(done.exception, FileFormatError)


def test_act_starts_the_retraining_it_asks_for(
    decide: Decide, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("sklearn", reason="retraining needs scikit-learn")
    import training.retrain.run as retraining
    from training.retrain.plan import Outcome, RetrainPlan

    decide([t.text for t in mood_texts()[:60]], lambda answer: CODES[answer])
    asked: list[tuple[RetrainPlan, int]] = []

    def stand_in(plan: RetrainPlan, feedback: list[object], **_: object) -> Outcome:
        asked.append((plan, len(feedback)))
        return Outcome(
            run=Path("run"), snapshot="s", version="v", champion="c", passed=len(asked) > 1,
            refused=("mood.accuracy 0.5, expected 0.6",), promoted=False, metrics={}, flags={},
            report=None, notes=(),
        )  # fmt: skip

    monkeypatch.setattr(retraining, "retrain", stand_in)
    code, _, output = run("--act", "--few", "50", "--enough", "60")
    assert code == REFUSED
    assert "mood.accuracy" in output
    code, _, output = run("--act", "--promote", "--enough", "60")
    assert code == 0
    (first, labelled), (second, _) = asked
    assert labelled == 60
    assert (first.promote, second.promote) == (False, True)
    assert first.data == Path("base.jsonl")
    assert "60 texts were labelled" in first.why
    assert first.taxonomy.name == "taxonomy.yaml"
