"""The audit trail in words; no action may be without a name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import serving
from data.taxonomy.load import load
from serving.triage.policy import load as load_policy
from serving.triage.policy import packs_for
from serving.web import trail
from serving.web.labels import Labels
from serving.web.people import People

SOURCES = Path(serving.__file__).parent
RECORDERS = ("record", "audited", "_record")
CODE = re.compile(r"[a-z]+\.[a-z_]+")


def recorded() -> Iterator[str]:
    """Every action that is spelt out where something is recorded."""
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                if name in RECORDERS:
                    yield from (
                        one.value
                        for one in node.args
                        if isinstance(one, ast.Constant)
                        and isinstance(one.value, str)
                        and CODE.fullmatch(one.value)
                    )


def test_every_action_has_a_name() -> None:
    found = set(recorded())
    assert len(found) > 25
    assert sorted(found - set(trail.actions())) == []


def test_no_name_is_left_over() -> None:
    written = "\n".join(p.read_text(encoding="utf-8") for p in SOURCES.rglob("*.py"))
    verbs = {"job.resumed", "job.paused", "job.cancelled"}  # said as job.{verb}
    unused = [code for code in trail.table()["action"] if f'"{code}"' not in written]
    assert set(unused) <= verbs


def test_events_of_complaints_are_called_as_on_their_page() -> None:
    assert trail.action("case.accepted") == trail.actions()["case.accepted"] != "case.accepted"
    assert trail.action("what.ever") == "what.ever"


@pytest.fixture(scope="module")
def labels() -> Labels:
    taxonomy = load()
    policies = load_policy(packs_for(taxonomy), taxonomy)
    return Labels(taxonomy, policies.at(datetime.now(UTC)))


def test_subjects_by_name(labels: Labels) -> None:
    people = People({"zhangwei": "张伟"}, {"a788": "柜面系统"})
    department = labels.policy.pack.departments.departments[0]
    said = [
        trail.subject(code, people, labels)
        for code in ("user:zhangwei", "key:a788", f"department:{department.code}", "service", "x:1")
    ]
    assert said == ["用户 张伟", "密钥 柜面系统", f"部门 {department.name}", "本服务", "x 1"]


def test_details_in_words(labels: Labels) -> None:
    head = labels.taxonomy.heads[0]
    code = head.leaves[0]
    written = {
        "via": "password", "scopes": ["admin", "audit"], "expires_at": "2026-12-22T11:11:08+00:00",
        "forced": True, "secret": None, "labels": {head.name: code}, "why": "年" * 100,
        "since": "never", "other": 3,
    }  # fmt: skip
    found = dict(trail.details(written, labels))
    assert found["方式"] == "密码"
    assert found["权限"] == "管理、审计"
    assert found["有效期至"] == "2026-12-22 19:11"
    assert found["强制"] == "是"
    assert found["签名密钥"] == "—"
    assert found["标签"] == head.by_code[code].name
    assert len(found["原因"]) == 80
    assert found["原因"].endswith("…")
    assert found["起"] == "never"
    assert found["other"] == "3"
