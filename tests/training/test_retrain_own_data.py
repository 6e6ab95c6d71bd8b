"""Somebody else's table, with its own labels: trained, judged, retrained and served."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Mapping
from pathlib import Path

import pytest

pytest.importorskip("sklearn", reason="training needs scikit-learn")

from typer.testing import CliRunner, Result

from model.registry.registry import Registry
from serving.api.app import create_app
from serving.cli.main import app
from serving.settings import Settings
from tests.serving.conftest import entered
from tests.training import retrain_kit as kit

# What people write about, per label: the shape of public topic and sentiment sets.
TOPICS = {
    "体育": ("球队", "进球", "教练"),
    "财经": ("股票", "利率", "基金"),
    "房产": ("楼盘", "首付", "物业"),
    "教育": ("高考", "老师", "学校"),
    "科技": ("芯片", "手机", "软件"),
    "旅游": ("机票", "酒店", "景点"),
    "美食": ("火锅", "面条", "厨师"),
    "健康": ("医生", "感冒", "跑步"),
    "汽车": ("轮胎", "油耗", "试驾"),
    "游戏": ("副本", "装备", "队友"),
}
MOODS = {"1": ("很好", "满意", "推荐", "喜欢"), "0": ("很差", "失望", "退货", "后悔")}
_FRAMES = ("今天说到{}和{}", "{}的事，{}也有", "关于{}，还有{}", "先看{}再看{}", "{}，不如{}")


def sentences(words: tuple[str, ...]) -> list[str]:
    pairs = itertools.permutations(words, 2)
    return [frame.format(*pair) for pair in pairs for frame in _FRAMES]


def table(path: Path, labels: Mapping[str, tuple[str, ...]], names: tuple[str, str]) -> Path:
    """A CSV as such sets come: label and text, in no order of labels."""
    columns = [[(label, text) for text in sentences(words)] for label, words in labels.items()]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows(row for rows in zip(*columns, strict=True) for row in rows)
    return path


def suda(*words: str | Path) -> Result:
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, (result.output, result.exception)
    return result


@pytest.mark.parametrize(
    ("labels", "names", "text", "answer"),
    [
        (MOODS, ("label", "review"), "很差，失望", "0"),
        (TOPICS, ("label", "text"), "球队换了教练", "体育"),
    ],
    ids=["two classes", "ten classes"],
)
def test_from_a_table_to_a_service(
    labels: Mapping[str, tuple[str, ...]],
    names: tuple[str, str],
    text: str,
    answer: str,
    in_tmp: Path,
) -> None:
    source = table(in_tmp / "public.csv", labels, names)
    (in_tmp / "suite.toml").write_text(kit.SUITE, encoding="utf-8")
    renamed = ("--text", names[1], "--rows", "rows.jsonl") if names[1] != "text" else ()
    suda("taxonomy", "derive", source, "-o", "my.yaml", *renamed)
    data = "rows.jsonl" if renamed else source
    suda("train", "--data", data, "--taxonomy", "my.yaml", "-o", "first")
    figures = suda("eval", "--data", data, "--bundle", "first", "--split", "test", "-o", "e.json")
    assert "label" in figures.output
    common = ("--data", data, "--taxonomy", "my.yaml", "--suite", "suite.toml", "--no-report")
    done = suda("retrain", *common, "--promote")
    assert "promoted" in done.output
    champion = Registry(Path("var/models")).champion
    assert champion is not None
    assert champion in suda("models", "list").output
    settings = Settings(
        database_url=f"sqlite:///{in_tmp}/suda.sqlite3",
        deadline_ms=60_000,
        batch_deadline_ms=60_000,
    )
    with entered(create_app(settings)) as client:
        decision = client.post("/v1/classify", json={"text": text}).json()
        assert decision["versions"]["model"] == champion
        assert decision["labels"]["label"]["code"] == answer


def test_models_commands_tell_the_story(in_tmp: Path) -> None:
    source = table(in_tmp / "public.csv", MOODS, ("label", "text"))
    (in_tmp / "suite.toml").write_text(kit.SUITE, encoding="utf-8")
    suda("taxonomy", "derive", source, "-o", "my.yaml")
    assert "shipped" in suda("models", "list").output
    common = ("--data", source, "--taxonomy", "my.yaml", "--suite", "suite.toml", "--no-report")
    suda("retrain", *common, "--promote")
    lines = source.read_text(encoding="utf-8").splitlines()
    source.write_text("\n".join(lines[:-4]) + "\n", encoding="utf-8")
    assert "suda models promote" in suda("retrain", *common).output
    store = Registry(Path("var/models"))
    first, second = store.state().versions
    assert store.champion == first
    assert "difference" in suda("models", "compare", "champion", second).output
    suda("models", "shadow", second)
    suda("models", "shadow", "off")
    suda("models", "promote", second, "--why", "passed")
    assert store.champion == second
    suda("models", "rollback", "--why", "telephones ring")
    assert "telephones ring" in suda("models", "log").output
    judged = suda("models", "judge", second, "--data", source, "--suite", "suite.toml")
    assert "passed" in judged.output
    assert second in suda("models", "show", second).output
