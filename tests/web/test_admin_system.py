"""The system's page, and the taxonomy's."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from data.taxonomy.schema import Taxonomy
from serving.settings import Settings
from serving.web.admin_settings import HIDDEN, changed
from serving.web.admin_taxonomy import tree_of
from serving.workers.pool import Pool
from tests.web import kit

SYSTEM, TAXONOMY = "/ui/admin/system", "/ui/admin/taxonomy"


@pytest.fixture
def admin(web: TestClient) -> kit.Browser:
    kit.reset(web)
    return kit.signed_in(web, "admin")


def test_all_is_well_and_said_so(web: TestClient, admin: kit.Browser) -> None:
    text = admin.get(SYSTEM).text
    assert "可以受理投诉" in text
    assert kit.application(web).state.suda.intake.pipeline.classifier.version in text
    assert "SUDA_BUNDLE" in text
    assert ">最新<" in text


def test_what_is_amiss_is_said(web: TestClient, admin: kit.Browser) -> None:
    state = kit.application(web).state.suda
    state.draining = True
    try:
        assert "服务正在停止" in admin.get(SYSTEM).text
    finally:
        state.draining = False


def test_model_processes_are_counted_where_there_are_any(
    web: TestClient, admin: kit.Browser
) -> None:
    state = kit.application(web).state.suda
    assert "模型进程" not in admin.get(SYSTEM).text
    none, state.processes = state.processes, Pool(2)
    try:
        text = admin.get(SYSTEM).text
    finally:
        state.processes = none
    assert "模型进程" in text
    assert "0 / 2" in text


def test_settings_show_what_differs_and_no_secret() -> None:
    settings = Settings(
        database_url="postgresql://suda:geheim@db/suda",
        text_key=SecretStr("geheim"),
        oidc_client_secret=SecretStr("geheim"),
        otel_endpoint="http://user:geheim@collector:4318",
        port=9000,
    )
    found = {one.name: one for one in changed(settings)}
    assert "geheim" not in str(found)
    assert found["SUDA_TEXT_KEY"].value == HIDDEN
    assert found["SUDA_PORT"].value == "9000"
    assert found["SUDA_PORT"].default == "8000"
    assert "db/suda" in found["SUDA_DATABASE_URL"].value
    assert "collector:4318" in found["SUDA_OTEL_ENDPOINT"].value
    assert "SUDA_HOST" not in found


def test_counts_go_up_the_tree(taxonomy: Taxonomy) -> None:
    head = next(one for one in taxonomy.heads if one.depth > 1)
    leaf = next(code for code in head.leaves if len(head.path(code)) > 1)
    root = head.path(leaf)[0]
    tree = tree_of(head, ("product", {leaf: 3, root: 2}), "2026-01-01")
    node = next(one for one in tree if one.label.code == root)
    assert node.count == 5
    assert f"product={root}&from=2026-01-01" in node.href
    assert all(one.count is None for one in tree_of(head, None, ""))


def test_the_taxonomy_is_searched(admin: kit.Browser) -> None:
    text = admin.get(TAXONOMY).text
    assert "情绪" in text
    assert "good" in text
    found = admin.get(f"{TAXONOMY}?q=GOOD").text.partition("<main")[2]
    assert "good" in found
    assert ">bad<" not in found
    assert "没有符合条件的标签" in admin.get(f"{TAXONOMY}?q=zzz&head=none").text
