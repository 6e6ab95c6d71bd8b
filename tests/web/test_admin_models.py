"""Models in the browser: looked at, promoted, refused, tried, compared, rolled back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from eval.suite.names import METRICS
from model.registry.verdict import Verdict
from serving.settings import Settings
from serving.store import shadow
from serving.web.admin_metrics import TITLES
from tests.models.conftest import inverted_bundle
from tests.models.kit import Models, made, rewritten
from tests.store.kit import entry
from tests.web import kit

__all__ = ["inverted_bundle"]

LIST = "/ui/admin/models"


@pytest.fixture(scope="module")
def models(
    mood_bundle: Path, inverted_bundle: Path, tmp_path_factory: pytest.TempPathFactory
) -> Models:
    return made(tmp_path_factory.mktemp("registry"), mood_bundle, inverted_bundle)


@pytest.fixture(scope="module")
def web(models: Models, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    given = Settings(
        registry=models.registry.path,
        database_url=f"sqlite:///{tmp_path_factory.mktemp('store')}/suda.sqlite3",
        registry_seconds=3600,
        drift_minutes=0,
        workers=2,
    )
    with kit.opened(given) as client:
        yield client


@pytest.fixture
def admin(web: TestClient) -> kit.Browser:
    kit.reset(web)
    return kit.signed_in(web, "admin")


def serving(web: TestClient) -> str:
    return str(kit.application(web).state.suda.intake.pipeline.classifier.version)


def figure(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.01, "high": value + 0.01}


def judged(models: Models, version: str, *, passed: bool, cases: str = "c") -> None:
    state = models.registry.state()
    verdict = Verdict(
        challenger=version,
        challenger_digest=state.versions[version].digest,
        champion=state.champion,
        champion_digest=state.versions[str(state.champion)].digest,
        passed=passed,
        gates=3,
        failed=() if passed else ("accuracy of mood is 0.5, expected ≥ 0.9",),
        cases=cases,
        suite="s",
        at=datetime(2026, 11, 1, tzinfo=UTC).isoformat(),
    )
    metric = {"name": "accuracy", "better": "higher", "n": 9, "value": figure(0.87)}
    more = {"champion": figure(0.84), "difference": figure(0.03)}
    result: dict[str, Any] = {
        "data": {"name": "检验集", "n": 120},
        "heads": {"mood": {"metrics": {"accuracy": {**metric, **more}}}},
        "decisions": {"metrics": {"review_rate": {**metric, "better": "lower"}}},
        "behaviours": {"rate": 0.98, "champion_rate": None},
        "challenger": {"operations": {"latency_ms": 4.2, "size_mb": 9.5}},
    }
    models.registry.judge(verdict, result)


def test_promoted_rolled_back_and_recorded(
    web: TestClient, admin: kit.Browser, models: Models
) -> None:
    there = f"{LIST}/versions/{models.warm}"
    refused = admin.post(f"{there}/promote", why="试一试")
    assert refused.status_code == 409
    assert "尚未评测该版本" in refused.text
    judged(models, models.warm, passed=False)
    refused = admin.post(f"{there}/promote", why="试一试")
    assert "mood 准确率：0.5" in refused.text
    assert serving(web) == models.plain
    judged(models, models.warm, passed=True)
    assert admin.post(f"{there}/promote", why="").status_code == 422
    assert admin.post(f"{there}/promote", why="评测通过").headers["location"] == LIST
    assert serving(web) == models.warm
    text = admin.get(LIST).text
    assert "评测通过" in text
    assert f"回退到 {models.plain}" in text
    assert admin.post(f"{LIST}/rollback", why="有误").headers["location"] == LIST
    assert serving(web) == models.plain
    again = admin.post(f"{LIST}/rollback", why="再退")
    assert again.status_code == 409
    assert "没有可以回退到的上一版模型" in again.text
    actions = [a for _, a, _ in kit.recorded(web, "model.activate", "model.rollback")]
    assert actions == ["model.activate", "model.rollback"]


def test_forced_against_the_suites_word(
    web: TestClient, admin: kit.Browser, models: Models
) -> None:
    there = f"{LIST}/versions/{models.inverted}"
    assert admin.post(f"{there}/promote", why="演练", force="true").status_code == 303
    assert serving(web) == models.inverted
    assert "强制" in admin.get(LIST).text
    admin.post(f"{LIST}/rollback", why="演练结束")
    assert serving(web) == models.plain


def test_a_canary_and_a_shadow_begin_and_end(
    web: TestClient, admin: kit.Browser, models: Models
) -> None:
    judged(models, models.warm, passed=True)
    there = f"{LIST}/versions/{models.warm}"
    board = kit.application(web).state.suda.models
    assert admin.post(f"{there}/canary", percent="90", why="x").status_code == 422
    assert admin.post(f"{there}/canary", percent="5", why="小流量").status_code == 303
    assert (board.lineup.trial.served.version, board.lineup.trial.share) == (models.warm, 0.05)
    assert "5.0%" in admin.get(LIST).text
    admin.post(f"{LIST}/canary/end")
    assert board.lineup.trial is None
    assert admin.post(f"{there}/shadow", why="看看").status_code == 303
    assert board.lineup.shadow.version == models.warm
    assert "结束影子运行" in admin.get(LIST).text
    admin.post(f"{LIST}/shadow/end")
    assert board.lineup.shadow is None
    own = admin.post(f"{LIST}/versions/{models.plain}/shadow", why="x")
    assert (own.status_code, "该版本正在使用" in own.text) == (409, True)


def test_one_version_and_two_side_by_side(admin: kit.Browser, models: Models) -> None:
    judged(models, models.warm, passed=True)
    text = admin.get(f"{LIST}/versions/{models.warm}").text
    for said in ("准确率", "情绪", "87.0%", "86.0%～88.0%", "+3.0 个百分点", "复核率", "检验集"):
        assert said in text
    judged(models, models.inverted, passed=False, cases="other")
    text = admin.get(f"{LIST}/compare?one={models.warm}&other={models.inverted}").text
    assert "不能直接比较" in text
    assert "87.0%" in text
    assert "没有可用的评测结果" in admin.get(f"{LIST}/compare?one={models.plain}&other=x").text
    sent = admin.get(f"{LIST}/versions/{models.warm}/suite.json")
    assert sent.json()["verdict"]["passed"]
    for path in (
        "versions/none",
        "versions/none/suite.json",
        f"versions/{models.plain}/suite.json",
    ):
        assert admin.get(f"{LIST}/{path}").status_code == 404


def test_metrics_are_called_as_the_suite_calls_them() -> None:
    assert {name: metric.chinese for name, metric in METRICS.items()} == TITLES


def test_a_damaged_model_is_not_let_in(
    web: TestClient, admin: kit.Browser, models: Models, mood_bundle: Path, tmp_path: Path
) -> None:
    version = models.add(rewritten(mood_bundle, tmp_path / "broken", temperature=7.0))
    models.damage(version)
    answer = admin.post(f"{LIST}/versions/{version}/promote", why="x", force="true")
    assert answer.status_code == 409
    assert "无法读取或已被改动" in answer.text
    assert serving(web) == models.plain


def test_where_a_shadow_differs(web: TestClient, admin: kit.Browser, models: Models) -> None:
    fields: dict[str, dict[str, Any]] = {
        "head:mood": {"champion": "good", "shadow": "bad"},
        "lead": {"champion": "intake", "shadow": "intake"},
        "review": {"champion": True, "shadow": False},
    }
    agrees = {name: both["champion"] == both["shadow"] for name, both in fields.items()}
    at = datetime.now(UTC)
    complaint = entry("没人理我")
    kit.application(web).state.suda.intake.store.save(complaint)
    with kit.application(web).state.sessions.begin() as session:
        result = shadow.Result(
            complaint.complaint_id, models.warm, models.plain, at, fields, agrees
        )
        shadow.save(session, [result])
    text = admin.get(f"{LIST}/shadow?version={models.warm}").text
    for said in (
        "情绪（模型）",
        "主办部门",
        "100.0%",
        "需复核",
        "不需复核",
        complaint.complaint_id,
    ):
        assert said in text
    only = admin.get(f"{LIST}/shadow?version={models.warm}&field=lead").text
    assert "没有分歧" in only
    assert "还没有可比较的投诉" in admin.get(f"{LIST}/shadow").text


def test_with_a_bundle_given_nothing_can_be_changed(mood_bundle: Path, tmp_path: Path) -> None:
    with kit.opened(kit.settings(mood_bundle, tmp_path)) as client:
        admin = kit.signed_in(client, "admin")
        text = admin.get(LIST).text
        assert "不能更换" in text
        assert "回退到上一版</button>" not in text
        answer = admin.post(f"{LIST}/rollback", why="x")
        assert answer.status_code == 409
        assert "SUDA_BUNDLE" in answer.text
