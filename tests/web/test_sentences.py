"""Developers' sentences in Chinese."""

from __future__ import annotations

import re

import pytest

from eval.suite.names import METRICS
from eval.suite.result import GateResult
from serving.security.audit import GENESIS, Anchor, Link, verify
from serving.web.sentences import chinese

ENGLISH = re.compile(r"[a-z]{2,} [a-z]{2,}")


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("1 of 2 threads of classify dead or stuck", "2 个判定线程中有 1 个失效"),
        ("the service is stopping; the database does not answer", "服务正在停止；数据库没有应答"),
        ("text: Field required", "text：缺少必填项"),
        ("no answer within 5 seconds", "5 秒内没有应答"),
        (
            "routing.yaml: routes.cards.lead: unknown department abc; add it to departments",
            "routing.yaml：routes.cards.lead：没有部门 abc，请加入 departments",
        ),
        (
            "text: String should have at least 1 character, got an empty text",
            "text：至少 1 个字，实为空文字",
        ),
        ("rules.0.level: Input should be a valid string, got a list of 3",
         "rules.0.level：应为文字，实为 3 项的列表"),
        ("what nobody foresaw", "what nobody foresaw"),
        ("", ""),
    ],
)  # fmt: skip
def test_known_sentences(sentence: str, said: str) -> None:
    assert chinese(sentence) == said


@pytest.mark.parametrize("metric", sorted(METRICS))
@pytest.mark.parametrize("where", ["", "product"])
@pytest.mark.parametrize("champion", [None, 0.9])
@pytest.mark.parametrize("rule", ["≥ 0.6", "loss to champion ≤ 0.01", "times the champion's ≤ 1.2"])
def test_what_a_gate_says(metric: str, where: str, champion: float | None, rule: str) -> None:
    gate = GateResult(
        metric=metric, scope="head", where=where, status="failed", rule=rule, limit=0.6,
        value=0.51, champion=champion,
    )  # fmt: skip
    said = chinese(str(gate))
    assert METRICS[metric].chinese in said
    assert "0.51" in said
    assert not ENGLISH.search(said)


def test_what_is_wrong_with_the_trail() -> None:
    links = [Link(3, "2026-11-22T00:00:00+00:00", "a", "b", "c", "{}", "x", "y")]
    verdict = verify(links, [Anchor(3, "z"), Anchor(9, "z")], Anchor(1, GENESIS))
    assert len(verdict.breaks) == 5
    assert not any(ENGLISH.search(chinese(one.why)) for one in verdict.breaks)
