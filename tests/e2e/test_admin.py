"""Administration in a real browser: policies, keys, models, jobs, and how every page looks."""

from __future__ import annotations

import io
import json
import re
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import insert, select

from benchmarks.cases import Plan, fill
from data.taxonomy.load import load
from model.registry.registry import Registry
from model.registry.verdict import Verdict
from serving.outbox import departments
from serving.policies.files import read
from serving.store import outbox
from serving.store.database import connect
from serving.store.rows.cases import CaseRow
from serving.store.rows.outbox import OutboxRow
from serving.triage.policy import load as load_policy
from serving.triage.policy import packs_for
from tests.e2e.browsing import Visitor, assert_accessible, screenshot
from tests.e2e.site import Site, served
from tests.models.kit import rewritten

SHIPPED = Path(__file__).parents[2] / "model" / "shipped"
FROM, TO = "credit_card_center", "card_team"
TEXTS = (
    "信用卡年费没有提前告知就扣了，打电话也没人处理",
    "手机银行转账一直提示系统繁忙，钱扣了对方没收到",
    "信用卡分期手续费比当初说的高，要求退还",
    "贷款提前还款被收了违约金，合同里没有写清楚",
    "柜台排队两个小时，工作人员态度很差",
    "理财到期没有按时到账，客户经理说不清楚原因",
)
CARD = "信用卡年费没有提前告知就扣了，要求退还年费"
CSV = (
    "内容,编号\n" + "\n".join(f"{text}（第{n}件）,E{n}" for n, text in enumerate(TEXTS)) + "\n,E9\n"
)
PAGES = {
    "admin-policies": "/ui/admin/policies",
    "admin-models": "/ui/admin/models",
    "admin-departments": "/ui/admin/departments",
    "admin-department": f"/ui/admin/departments/{FROM}",
    "admin-branches": "/ui/admin/departments/seen/branches",
    "admin-deliveries": "/ui/admin/deliveries",
    "admin-keys": "/ui/admin/keys",
    "admin-audit": "/ui/admin/audit",
    "admin-system": "/ui/admin/system",
    "admin-taxonomy": "/ui/admin/taxonomy",
    "admin-taxonomy-search": "/ui/admin/taxonomy?q=年费",
    "admin-shadow": "/ui/admin/models/shadow",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server over a registry with two champions, with made-up cases and dead letters."""
    directory = tmp_path_factory.mktemp("admin")
    registry = made_registry(directory)
    with served(directory, registry=str(registry.path), outbox="off") as found:
        filled(found)
        yield found


def made_registry(directory: Path) -> Registry:
    registry = Registry(directory / "models")
    other = rewritten(SHIPPED, directory / "other", temperature=1.6)
    for path, why in ((SHIPPED, "首个版本"), (other, "十月复核数据再训练")):
        version = registry.add(path, who="cli:ops", why=why)
        judge(registry, version)
        registry.promote(version, who="cli:ops", why=why, force=True)
    return registry


def judge(registry: Registry, version: str) -> None:
    state = registry.state()
    champion = state.champion
    verdict = Verdict(
        challenger=version,
        challenger_digest=state.versions[version].digest,
        champion=champion,
        champion_digest=state.versions[champion].digest if champion else None,
        passed=True,
        gates=24,
        failed=(),
        cases="0" * 64,
        suite="promotion",
        at=datetime.now(UTC).isoformat(),
    )
    metrics = {
        name: {
            "name": name,
            "better": better,
            "n": 600,
            "value": figure(value),
            "champion": figure(value - change) if champion else None,
            "difference": figure(change, 0.01) if champion else None,
        }
        for name, better, value, change in (
            ("accuracy", "higher", 0.87, 0.012),
            ("macro_f1", "higher", 0.81, 0.02),
            ("ece", "lower", 0.031, -0.004),
        )
    }
    heads = {head.name: {"metrics": metrics} for head in load().heads}
    result: dict[str, Any] = {
        "data": {"name": "检验集 2026-10", "n": 600},
        "heads": heads,
        "challenger": {"operations": {"latency_ms": 6.1, "size_mb": 28.9}},
    }
    registry.judge(verdict, result)


def figure(value: float, half: float = 0.02) -> dict[str, float]:
    return {"value": value, "low": value - half, "high": value + half}


def filled(site: Site) -> None:
    now = datetime.now(UTC)
    taxonomy = load()
    policy = load_policy(packs_for(taxonomy), taxonomy).at(now)
    engine = connect(site.database_url)
    fill(engine, Plan(1_500, now, days=120, texts=TEXTS), taxonomy, policy)
    engine.dispose()
    with site.session() as session:
        for code, url in ((FROM, "https://cards.bank.example/suda"), ("branch_office", None)):
            if code in policy.router.departments and url:
                wanted = departments.Change(webhook=url)
                departments.change(session, policy, code, wanted, "cli:ops", now)
        ids = session.scalars(select(CaseRow.complaint_id).limit(30)).all()
        rows = []
        for number, one in enumerate(ids):
            row = outbox.message(one, one, FROM, "order", "lead", now - timedelta(hours=number))
            state = ("dead", "delivered", "pending")[number % 3]
            error = "HTTP 503" if state == "dead" else None
            done = None if state == "pending" else now - timedelta(minutes=number)
            rows.append(row | {"state": state, "attempts": 30, "error": error, "done_at": done})
        session.execute(insert(OutboxRow), rows)


def ask(site: Site, path: str, body: Any = None, key: str | None = None) -> Any:
    request = urllib.request.Request(  # noqa: S310
        f"{site.url}{path}",
        data=json.dumps(body).encode() if body is not None else None,
        headers={"Authorization": f"Bearer {key or site.key}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        return json.loads(answer.read())


def lead(site: Site, text: str) -> str:
    return str(ask(site, "/v1/classify", {"text": text})["routing"]["lead"]["code"])


def confirm(page: Page) -> None:
    page.locator("dialog#confirm").get_by_role("button", name="确定").click()


def without_paths(page: Page, site: Site) -> None:
    """Pictures show where the service keeps its files on no machine in particular."""
    page.evaluate(
        """here => {
            const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
            while (walk.nextNode()) {
                walk.currentNode.data = walk.currentNode.data.replaceAll(here, "/var/lib/suda");
            }
        }""",
        str(site.log.parent),
    )


def changed_pack() -> bytes:
    files = read(packs_for(load()))
    files["routing.yaml"] = files["routing.yaml"].replace(f"lead: {FROM}", f"lead: {TO}")
    files["departments.yaml"] = (
        files["departments.yaml"].rstrip() + f"\n  - {{code: {TO}, name: 信用卡专班}}\n"
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


@pytest.mark.parametrize(("name", "path"), list(PAGES.items()))
def test_pages_are_accessible_and_photographed(
    browser_page: Visitor, site: Site, name: str, path: str
) -> None:
    page = browser_page("admin")
    page.goto(path)
    assert_accessible(page)
    without_paths(page, site)
    screenshot(page, name)


def test_a_policy_is_uploaded_replayed_activated_and_decides_the_next(
    browser_page: Visitor, site: Site
) -> None:
    assert lead(site, CARD) == FROM
    page = browser_page("admin")
    page.goto("/ui/admin/policies")
    page.get_by_label("名称").fill("cards")
    pack = {"name": "pack.zip", "mimeType": "application/zip", "buffer": changed_pack()}
    page.locator("#f-files").set_input_files(pack)  # type: ignore[arg-type]
    page.get_by_label("说明").fill("信用卡投诉改由专班主办")
    page.get_by_role("button", name="上传并检查").click()
    expect(page.get_by_role("heading", name="检查结果")).to_be_visible()
    expect(page.locator(".diff__line--added").first).to_be_visible()
    page.get_by_label("投诉", exact=True).select_option("100")
    page.get_by_role("button", name="开始试算").click()
    expect(page.get_by_text("判定变化", exact=True)).to_be_visible(timeout=60_000)
    expect(page.get_by_role("region", name="流向")).to_contain_text("信用卡专班")
    assert_accessible(page)
    page.goto(page.url.partition("#")[0])
    screenshot(page, "admin-policy", full=True)
    page.get_by_label("原因").fill("信用卡投诉改由专班主办")
    page.get_by_role("button", name="启用", exact=True).click()
    confirm(page)
    expect(page.get_by_role("status")).to_contain_text("已启用")
    expect(page.locator("#history")).to_contain_text("件变化")
    assert lead(site, f"{CARD}。") == TO
    page.get_by_label("原因").fill("恢复")
    page.get_by_role("button", name="切换", exact=True).click()
    confirm(page)
    expect(page.locator("#history tbody tr")).to_have_count(2)
    assert lead(site, f"{CARD}！") == FROM


def test_a_pack_that_is_wrong_is_refused_beside_the_field(browser_page: Visitor) -> None:
    page = browser_page("admin")
    page.goto("/ui/admin/policies")
    page.get_by_label("名称").fill("cards")
    wrong = {"name": "rules.yaml", "mimeType": "text/yaml", "buffer": b"version: [\n"}
    page.locator("#f-files").set_input_files(wrong)  # type: ignore[arg-type]
    page.get_by_role("button", name="上传并检查").click()
    expect(page.locator(".field--bad .field__hint")).to_contain_text("rules.yaml")
    assert_accessible(page)


def test_a_key_is_made_and_used(browser_page: Visitor, site: Site) -> None:
    page = browser_page("admin")
    page.goto("/ui/admin/keys")
    page.get_by_label("名称").fill("柜面系统")
    page.get_by_role("button", name="新建并显示一次").click()
    token = page.locator("#secret").inner_text()
    assert re.fullmatch(r"suda_[0-9a-f]{12}_[\w-]{43}", token)
    assert_accessible(page)
    page.get_by_role("button", name="复制").click()
    assert ask(site, "/v1/classify", {"text": CARD}, token)["routing"]["lead"]["code"]
    page.get_by_role("link", name="已保存，返回").click()
    page.get_by_role("button", name=re.compile("停用 柜面系统")).click()
    dialog = page.locator("dialog[open]")
    dialog.get_by_label("原因").fill("演练")
    dialog.get_by_role("button", name="停用", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("密钥已停用")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        ask(site, "/v1/classify", {"text": CARD}, token)


def test_a_model_is_looked_at_and_rolled_back(browser_page: Visitor, site: Site) -> None:
    before = ask(site, "/v1/models")["serving"]["version"]
    page = browser_page("admin")
    page.goto("/ui/admin/models")
    page.get_by_role("region", name="已登记的版本").get_by_role("link", name=before).click()
    expect(page.get_by_role("heading", name="指标")).to_be_visible()
    assert_accessible(page)
    screenshot(page, "admin-model")
    page.get_by_role("link", name="模型", exact=True).first.click()
    page.goto("/ui/admin/models")
    page.get_by_role("button", name="回退到上一版").click()
    confirm(page)
    expect(page.get_by_role("status")).to_contain_text("已回退", timeout=60_000)
    after = ask(site, "/v1/models")["serving"]["version"]
    assert after != before
    page.goto(f"/ui/admin/models/compare?one={before}&other={after}")
    assert_accessible(page)
    screenshot(page, "admin-models-compare")


def test_a_file_is_handed_in_followed_and_fetched(browser_page: Visitor) -> None:
    page = browser_page("admin")
    page.goto("/ui/admin/jobs")
    page.get_by_role("button", name="导入文件").click()
    dialog = page.locator("dialog[open]")
    file = {"name": "一月投诉.csv", "mimeType": "text/csv", "buffer": CSV.encode()}
    dialog.locator("#f-file").set_input_files(file)  # type: ignore[arg-type]
    dialog.get_by_label("投诉内容列").fill("没有这一列")
    dialog.get_by_role("button", name="导入", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("有误")
    dialog.get_by_label("投诉内容列").fill("内容")
    dialog.get_by_label("工单编号列").fill("编号")
    dialog.get_by_label("来源").fill("phone")
    assert_accessible(page)
    dialog.get_by_role("button", name="导入", exact=True).click()
    expect(page.locator(".badge", has_text="完成")).to_be_visible(timeout=60_000)
    expect(page.locator("#errors tbody tr")).to_have_count(1)
    assert_accessible(page)
    screenshot(page, "admin-job")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="CSV", exact=True).click()
    lines = waiting.value.path().read_text("utf-8-sig").splitlines()
    assert len(lines) == len(TEXTS) + 2
    page.goto("/ui/admin/jobs")
    assert_accessible(page)
    screenshot(page, "admin-jobs")


def test_dead_letters_are_sent_once_more(browser_page: Visitor) -> None:
    page = browser_page("admin")
    page.goto("/ui/admin/deliveries")
    page.get_by_role("button", name=re.compile("全部重发")).click()
    confirm(page)
    expect(page.get_by_role("status")).to_contain_text("已重新投递 10 件")


def test_the_chain_is_verified_by_an_auditor(browser_page: Visitor) -> None:
    page = browser_page("auditor")
    page.goto("/ui/admin/audit")
    page.get_by_role("button", name="校验完整性").click()
    expect(page.locator("#verdict")).to_contain_text("完整。")
    page.get_by_label("操作", exact=True).fill("audit")
    page.get_by_label("操作", exact=True).press("Enter")
    expect(page.locator("#entries tbody tr").first).to_contain_text("audit.verified")
