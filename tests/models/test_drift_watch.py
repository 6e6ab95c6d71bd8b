"""The figures of drift are taken by the service, in spare capacity."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from fastapi.testclient import TestClient

from data.labelled import LabelledText
from model.linear.runtime import LinearClassifier
from serving.api.app import create_app
from serving.models.drift import DriftWatch
from serving.models.reference import keep_reference, kept_reference, made_reference
from serving.monitoring import sample
from serving.settings import Settings
from serving.store.store import Store
from serving.store.tables import ComplaintRow
from serving.telemetry.metrics import Metrics
from tests.conftest import mood_texts
from tests.engine.kit import until
from tests.serving.conftest import entered
from tests.store.conftest import store
from tests.store.kit import WHEN, entry

__all__ = ["store"]


def write(path: Path, texts: list[LabelledText]) -> Path:
    rows = [{"id": t.id, "text": t.text, **t.labels, **t.meta} for t in texts]
    path.write_bytes(b"\n".join(orjson.dumps(row) for row in rows))
    return path


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """What the model was made of, enough of it in the dev split."""
    many = [
        LabelledText(f"{t.id}-{n}", f"{t.text}，第{n}次", t.labels, meta={"split": "dev"})
        for t in mood_texts()
        for n in range(2)
    ]
    return write(tmp_path / "base.jsonl", many)


Watch = Callable[..., DriftWatch]


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def watch(mood_bundle: Path, base: Path, tmp_path: Path, metrics: Metrics) -> Watch:
    classifier = LinearClassifier.load(mood_bundle)
    settings = Settings(drift_reference=tmp_path / "references", drift_texts=300)

    def make(texts: list[str], **given: Any) -> DriftWatch:
        parts: dict[str, Any] = {
            "classifier": lambda: classifier,
            "texts": lambda since, until, most: texts[:most],
            "spare": lambda: True,
            "stopped": threading.Event(),
            "base": base,
        }
        return DriftWatch(settings, metrics, **(parts | given))

    return make


def figures(metrics: Metrics) -> dict[tuple[str, str], float]:
    (family,) = metrics.drift.collect()
    return {(s.labels["measure"], s.labels["subject"]): s.value for s in family.samples}


def test_texts_like_those_of_before_do_not_drift_and_others_do(
    watch: Watch, metrics: Metrics
) -> None:
    alike = [f"{t.text}，第{n}次" for n in range(2) for t in mood_texts()][::1]
    settled = watch(alike[::-1])
    assert settled.turn()
    same = figures(metrics)
    assert set(same) == {
        (measure, subject)
        for measure in ("psi", "js")
        for subject in ("label:mood", "confidence:mood", "length", "unknown_rate")
    }
    one_sided = [t.text for t in mood_texts() if t.labels["mood"] == "bad"] * 3
    watch(one_sided).turn()
    assert figures(metrics)["psi", "label:mood"] > 0.25 > same["psi", "label:mood"]


def test_too_few_texts_say_nothing_and_take_old_figures_away(
    watch: Watch, metrics: Metrics
) -> None:
    watch([t.text for t in mood_texts()] * 2).turn()
    assert figures(metrics)
    watch(["态度恶劣"] * 199).turn()
    assert figures(metrics) == {}


def test_the_reference_is_made_once_and_kept(
    watch: Watch, mood_bundle: Path, base: Path, tmp_path: Path
) -> None:
    classifier = LinearClassifier.load(mood_bundle)
    kept = tmp_path / "references"
    first = watch([])
    first.turn()
    assert kept_reference(classifier.version, kept) == made_reference(classifier, base)
    base.unlink()
    texts = [t.text for t in mood_texts()] * 2
    assert watch(texts).turn(), "a file is enough"


def test_where_the_reference_cannot_be_kept_it_is_used_all_the_same(
    watch: Watch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "references").write_text("in the way", "utf-8")
    watching = watch([t.text for t in mood_texts()] * 2)
    with caplog.at_level(logging.WARNING):
        assert watching.turn()
        assert watching.turn()
    assert caplog.text.count("the reference is not kept") == 1


def test_without_anything_to_compare_with_it_says_so_once(
    watch: Watch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = write(tmp_path / "wrong.jsonl", [LabelledText("1", "x", {"mood": "nobody"})])
    watching = watch(["态度恶劣"] * 300, base=wrong)
    with caplog.at_level(logging.WARNING):
        assert watching.turn() == []
        assert watching.turn() == []
    assert caplog.text.count("for want of a reference") == 1


def test_it_gives_way_and_gives_up_when_the_service_stops(watch: Watch, metrics: Metrics) -> None:
    stopped = threading.Event()
    looks = []

    def spare() -> bool:
        looks.append(1)
        if len(looks) == 5:
            stopped.set()
        return len(looks) < 3

    assert watch(["态度恶劣"] * 300, spare=spare, stopped=stopped).turn() == []
    assert len(looks) == 5
    assert figures(metrics) == {}


def test_a_file_that_is_no_reference_is_named(tmp_path: Path, mood_bundle: Path) -> None:
    from data.errors import FileFormatError

    (tmp_path / "m.json").write_text("[]", "utf-8")
    with pytest.raises(FileFormatError, match=r"m\.json: is no reference"):
        kept_reference("m", tmp_path)
    assert kept_reference("n", tmp_path) is None
    with pytest.raises(OSError, match="Not a directory"):
        keep_reference(
            made_reference(LinearClassifier.load(mood_bundle), write(tmp_path / "b.jsonl",
                           mood_texts())), tmp_path / "m.json" / "below")  # fmt: skip


def test_texts_are_drawn_from_the_time_asked_for(store: Store) -> None:
    for n in range(6):
        store.save(entry(f"没人理我{n}"))
    day = timedelta(days=1)
    with store.session.begin() as session:
        erased = session.query(ComplaintRow).filter_by(text="没人理我0").one()
        erased.erased_at = datetime.now(UTC)
    with store.session() as session:
        drawn = sample(session, WHEN, WHEN + day, 10)
        assert sorted(drawn) == [f"没人理我{n}" for n in range(1, 6)]
        assert len(sample(session, WHEN, WHEN + day, 3)) == 3
        assert sample(session, WHEN - day, WHEN, 10) == []


def test_the_service_measures_by_itself(
    settings: Settings, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.models.drift.CORPUS", base)
    changes = {"drift_minutes": 0.002, "drift_reference": tmp_path / "kept"}
    app = create_app(settings.model_copy(update=changes))
    with entered(app) as client:
        items = [{"text": f"{t.text}，{n}"} for n in range(2) for t in mood_texts()]
        assert len(items) >= 200
        post(client, items)
        until(lambda: 'suda_drift{measure="psi",subject="label:mood"}' in text_of(client))


def post(client: TestClient, items: list[dict[str, str]]) -> None:
    for start in range(0, len(items), 100):
        response = client.post("/v1/classify/batch", json={"items": items[start : start + 100]})
        assert response.status_code == 200


def text_of(client: TestClient) -> str:
    return client.get("/metrics").text
