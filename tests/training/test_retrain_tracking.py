"""What a run leaves behind: its folder always, MLflow where it is configured."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import orjson
import pytest

from data.errors import InputError
from training.curves import draw
from training.environment import environment, revision
from training.tracking import FolderTracker, configured_uri, flat, open_tracker


class FakeClient:
    """Stands in for mlflow.MlflowClient; `broken` makes every call fail."""

    calls: list[tuple[Any, ...]]
    broken = False

    def __init__(self, tracking_uri: str) -> None:
        FakeClient.calls = [("uri", tracking_uri)]

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any, **named: Any) -> Any:
            if FakeClient.broken:
                raise ConnectionError("no route to host")
            FakeClient.calls.append((name, *args, *named.values()))
            if name == "get_experiment_by_name":
                return None
            return SimpleNamespace(info=SimpleNamespace(run_id="r1"))

        return call


@pytest.fixture
def mlflow(monkeypatch: pytest.MonkeyPatch) -> type[FakeClient]:
    module = ModuleType("mlflow")
    module.MlflowClient = FakeClient  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mlflow", module)
    monkeypatch.setattr(FakeClient, "broken", False)
    return FakeClient


def test_the_folder_keeps_configuration_environment_and_figures(tmp_path: Path) -> None:
    tracker = FolderTracker(tmp_path / "run")
    tracker.begin({"kind": "linear"}, {"python": "3.11"})
    tracker.metrics("epochs", {"loss": 2.0}, 0)
    tracker.metrics("epochs", {"loss": 1.0}, 1)
    tracker.metrics("epochs", {"loss": 0.9}, 1)
    tracker.end("finished")
    assert orjson.loads((tmp_path / "run" / "config.json").read_bytes()) == {"kind": "linear"}
    assert [(row["step"], row["loss"]) for row in tracker.rows()] == [(0, 2.0), (1, 0.9)]
    assert (tmp_path / "run" / "status").read_text() == "finished\n"


def test_the_environment_names_what_can_change_a_number() -> None:
    found = environment()
    assert found["cpus"] >= 1
    assert found["packages"]["numpy"]
    assert found["python"] == sys.version.split()[0]


def test_outside_git_there_is_no_revision(tmp_path: Path) -> None:
    assert revision(tmp_path) is None


def test_mlflow_is_told_the_same(tmp_path: Path, mlflow: type[FakeClient]) -> None:
    tracker = open_tracker(tmp_path / "retrain-1", "http://tracking")
    tracker.begin({"plan": {"kind": "linear", "cases": None}}, {"packages": {"numpy": "2"}})
    tracker.metrics("epochs", {"loss": 1.5}, 3)
    tracker.artifact(tmp_path / "suite.json")
    tracker.end("refused")
    assert ("uri", "http://tracking") in mlflow.calls
    assert ("log_param", "r1", "plan.kind", "linear") in mlflow.calls
    assert ("set_tag", "r1", "packages.numpy", "2") in mlflow.calls
    assert ("log_metric", "r1", "epochs.loss", 1.5, 3) in mlflow.calls
    assert ("log_artifact", "r1", str(tmp_path / "suite.json")) in mlflow.calls
    assert ("set_tag", "r1", "outcome", "refused") in mlflow.calls
    assert ("set_terminated", "r1", "FINISHED") in mlflow.calls
    assert tracker.problems == []


def test_a_server_that_is_away_does_not_stop_the_run(
    tmp_path: Path, mlflow: type[FakeClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mlflow, "broken", True)
    tracker = open_tracker(tmp_path / "run", "http://away")
    tracker.begin({}, {})
    tracker.metrics("epochs", {"loss": 1.0})
    tracker.end("finished")
    assert tracker.problems == ["MLflow begin: no route to host"]
    assert FolderTracker(tmp_path / "run").rows() == [{"series": "epochs", "step": 0, "loss": 1.0}]


def test_configured_but_not_installed_is_said_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(InputError, match="MLflow is configured but not installed"):
        open_tracker(tmp_path, "http://tracking")


def test_our_own_setting_goes_before_mlflows() -> None:
    assert configured_uri({}) is None
    assert configured_uri({"MLFLOW_TRACKING_URI": "b"}) == "b"
    assert configured_uri({"MLFLOW_TRACKING_URI": "b", "SUDA_MLFLOW_URI": "a"}) == "a"


def test_nested_settings_become_dotted() -> None:
    assert flat({"a": {"b": 1, "c": None}, "d": [1]}) == {"a.b": 1, "d": [1]}


def test_curves_and_bars_are_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="plots need suda[train]")
    rows = [
        {"series": "epochs", "step": 0, "loss": 2.0, "score": 0.1},
        {"series": "epochs", "step": 1, "loss": 1.0},
        {"series": "challenger", "step": 0, "mood.accuracy": 0.9},
        {"series": "empty", "step": 0, "note": "text"},
    ]
    drawn = draw(rows, tmp_path / "curves")
    assert sorted(path.name for path in drawn) == ["challenger.svg", "epochs.svg"]
    first = (tmp_path / "curves" / "epochs.svg").read_bytes()
    assert b"<svg" in first
    draw(rows, tmp_path / "curves")
    assert (tmp_path / "curves" / "epochs.svg").read_bytes() == first
