from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from serving.web import formats
from tests.conftest import two_labels

AT = datetime(2026, 11, 21, 17, 5, tzinfo=UTC)


def test_times_are_those_of_china() -> None:
    assert formats.when(AT) == "2026-11-22 01:05"
    assert formats.when(AT.replace(tzinfo=None)) == "2026-11-22 01:05"
    assert formats.day(AT) == "2026-11-22"
    assert formats.moment(AT) == "11-22 01:05"
    assert formats.iso(AT) == "2026-11-21T17:05:00+00:00"
    assert {formats.when(None), formats.day(None), formats.moment(None)} == {"—"}


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "不足 1 分钟"),
        (59, "不足 1 分钟"),
        (61, "1 分钟"),
        (3_600, "1 小时"),
        (7_380, "2 小时 3 分钟"),
        (90_061, "1 天 1 小时"),
        (-90_061, "1 天 1 小时"),
    ],
)
def test_spans(seconds: int, said: str) -> None:
    assert formats.span(seconds) == said


def test_before_and_after_now() -> None:
    assert formats.relative(AT + timedelta(hours=2), AT) == "还有 2 小时"
    assert formats.relative(AT - timedelta(hours=2), AT) == "2 小时前"
    assert formats.relative(None, AT) == "—"


def test_numbers() -> None:
    assert formats.number(12345) == "12,345"
    assert formats.number(0.5, 2) == "0.50"
    assert formats.percent(0.8754) == "87.5%"
    assert formats.number(None) == formats.percent(None) == "—"


def test_personal_data_is_masked() -> None:
    assert "13800138000" not in formats.masked("请回电13800138000")
    assert formats.masked(None) == ""


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/120.0 Safari/537.36 Edg/120.0", "Edge · Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko Firefox/120.0", "Firefox · Linux"),
        ("curl/8", "未知设备"),
    ],
)
def test_devices(agent: str, said: str) -> None:
    assert formats.device(agent) == said


def test_labels_stand_for_any_taxonomy() -> None:
    from data.taxonomy.load import load as load_taxonomy
    from serving.triage.policy import load, packs_for
    from serving.web.labels import Labels

    mood, _ = two_labels()
    plain = Labels(mood, load(packs_for(mood), mood).policies[-1])
    assert plain.name("mood", "good") == "好"
    assert plain.name("mood", "gone") == "gone"
    assert plain.of("product", None) == plain.path_of("reason", None) == "—"
    assert plain.tone("bad") == "grey" if plain.roles.urgency is None else True
    shipped = load_taxonomy()
    labels = Labels(shipped, load(packs_for(shipped), shipped).policies[-1])
    urgency = labels.head("urgency")
    assert urgency is not None
    tones = [labels.tone(code) for code in urgency.leaves]
    assert tones[0] == "red"
    assert tones[-1] == "grey"
    assert len(set(tones)) == len(tones)
    product = labels.head("product")
    assert product is not None
    deep = next(code for code in product.leaves if len(product.path(code)) > 1)
    assert " / " in labels.path_of("product", deep)
    code = labels.policy.pack.departments.departments[0].code
    assert labels.department(code) != code
    assert labels.department("gone") == "gone"
