"""The page of a complaint in a real browser, from the call that brought it to its close."""

from __future__ import annotations

import json
import os
import re
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from serving.store import audit, outbox
from serving.store.rows.outbox import OutboxRow
from tests.e2e.browsing import Visitor, assert_accessible, assert_fits, screenshot, settle
from tests.e2e.site import Site, served

ZONE = ZoneInfo("Asia/Shanghai")
TEXT = (
    "我叫王小明，手机号13800138000。上个月你们城东支行的信用卡中心没有经过我同意就给我办了分期，"
    "扣了3600元手续费。我打了五次客服电话，每次都说三天内回复，到现在二十多天了没有人管。"
    "再不解决我就向银保监会和12378投诉，还要找媒体曝光。请马上退还手续费并书面道歉。"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server that knows its customers by a field of the metadata."""
    with served(tmp_path_factory.mktemp("site"), customer_field="customer") as found:
        yield found


def call(site: Site, path: str, body: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(  # noqa: S310 - our own server
        f"{site.url}{path}", json.dumps(body).encode(),
        {"Authorization": f"Bearer {site.key}", "Content-Type": "application/json"},
    )  # fmt: skip
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        found: dict[str, Any] = json.load(answer)
    return found


def came(site: Site, external_id: str, text: str = TEXT, days: float = 2) -> str:
    """A complaint that came in some days ago, by HTTP."""
    body = {
        "text": text, "external_id": external_id, "branch": "城东支行", "channel": "A01032",
        "source": "phone",
        "received_at": (datetime.now(UTC) - timedelta(days=days)).isoformat(),
        "metadata": {"customer": "C-10086", "name": "王小明"},
    }  # fmt: skip
    return str(call(site, "/v1/classify", body)["complaint_id"])


def happened(site: Site, complaint_id: str, kind: str, hours: float, **said: str) -> None:
    at = (datetime.now(UTC) - timedelta(hours=hours)).isoformat()
    event = {
        "event_id": f"{complaint_id}-{kind}-{hours}",
        "kind": kind,
        "who": "工号1017",
        "at": at,
    }
    call(site, f"/v1/complaints/{complaint_id}/events", event | said)


def titles(page: Page) -> list[str]:
    return page.locator(".moment__head strong").all_inner_texts()


def field_time(at: datetime) -> str:
    return at.astimezone(ZONE).strftime("%Y-%m-%dT%H:%M")


def due(page: Page, clock: str) -> str:
    line = page.locator(".clock", has_text=clock).first
    return str(line.locator(".clock__times time").first.inner_text())


def test_from_the_call_to_the_close(browser_page: Visitor, site: Site, tmp_path: Path) -> None:
    complaint_id = came(site, "TS-20261122-001")
    came(site, "TS-20261122-002", "信用卡分期手续费没有提前告知，要求退还", days=20)
    happened(site, complaint_id, "accepted", 46)
    happened(
        site, complaint_id, "bounced", 40, reason="不属本部门职责",
        note="属信用卡业务，请转信用卡中心",
    )  # fmt: skip
    happened(site, complaint_id, "contacted", 20, note="已与客户13800138000联系，情况复杂")
    message = outbox.message(
        complaint_id, complaint_id, "credit_card_center", "order", "lead", datetime.now(UTC)
    )
    with site.session() as session:
        gone = {"state": "dead", "attempts": 30, "status": 503, "error": "http_503"}
        outbox.add(session, [{**message, **gone}])

    page = browser_page("lead")
    page.goto("/ui/queue")
    page.get_by_role("searchbox", name="投诉编号").fill("TS-20261122-001")
    page.get_by_role("searchbox", name="投诉编号").press("Enter")
    page.wait_for_url(f"**/ui/complaints/{complaint_id}")
    seen = titles(page)
    order = ["收到投诉", "受理", "转办", "首次联系"]
    assert [title for title in seen if title in order] == order
    assert "13800138000" not in page.content()
    assert_accessible(page)
    assert page.locator(".piece[data-level='3']").count() > 0
    page.get_by_label("依据").select_option("")
    assert page.locator(".piece[data-level='3']").count() == 1  # The legend's.
    page.get_by_label("依据").select_option("*")

    page.get_by_role("button", name="显示个人信息").click()
    expect(page.get_by_text("本次查看已留痕")).to_be_visible()
    assert "13800138000" in page.locator("#said").inner_text()
    with site.session() as session:
        wanted = audit.Filter(subject=f"complaint:{complaint_id}", action="complaint.revealed")
        assert [link.actor for link in audit.page(session, wanted, 9)] == ["user:lead"]

    extend(page)
    resolve(page)
    # The refusal that was provoked.
    assert [fault for fault in browser_page.faults if "422" in fault] == browser_page.faults
    browser_page.faults.clear()
    page.reload()
    assert titles(page)[-2:] == ["延期", "办结"]
    assert page.locator(".case__title").get_by_text("已办结").is_visible()

    boss = browser_page("admin")
    boss.goto(f"/ui/complaints/{complaint_id}")
    boss.get_by_role("button", name=f"重新投递 {message['id']}").click()
    expect(boss.get_by_text("工单已重新投递")).to_be_visible()
    expect(boss.get_by_role("cell", name="complaint.revealed")).to_be_visible()
    with site.session() as session:
        assert session.scalars(select(OutboxRow.state)).all() == ["pending"]


def extend(page: Page) -> None:
    """Through the form; the clock moves."""
    clock = "作出处理决定并告知"
    before = due(page, clock)
    page.get_by_role("button", name=re.compile("^延期")).click()
    dialog = page.get_by_role("dialog", name="延期申请")
    assert "第十八条" in dialog.inner_text()
    dialog.get_by_label("审批人", exact=False).first.fill("陈主任")
    dialog.get_by_label("延期理由").fill("须向商户调取凭证")
    dialog.get_by_label("告知客户时间").fill(field_time(datetime.now(UTC)))
    dialog.get_by_label("告知凭证").fill("录音-0042")
    assert_accessible(page)
    screenshot(page, "complaint-extension")
    dialog.get_by_role("button", name="登记延期").click()
    expect(page.get_by_text("延期已登记")).to_be_visible()
    assert due(page, clock) > before
    assert "第十八条：情况复杂" in page.locator(".clock", has_text=clock).inner_text()


def resolve(page: Page) -> None:
    """A wrong form keeps what was written; the right one closes the case."""
    page.get_by_role("button", name="办结", exact=True).click()
    dialog = page.get_by_role("dialog", name="登记：办结")
    dialog.get_by_label("处理结果").fill("refunded")
    dialog.get_by_label("根本原因").fill("流程缺陷")
    dialog.get_by_label("发生时间").fill("2099-01-01T00:00")
    dialog.get_by_role("button", name="登记", exact=True).click()
    expect(page.locator("#toasts")).to_contain_text("发生时间")
    assert dialog.get_by_label("处理结果").input_value() == "refunded"
    dialog.get_by_label("发生时间").fill("")
    dialog.get_by_role("button", name="登记", exact=True).click()
    expect(page.get_by_text("已登记：办结")).to_be_visible()


def test_why_replay_and_relatives_are_loaded_on_demand(browser_page: Visitor, site: Site) -> None:
    complaint_id = came(site, "TS-20261122-010")
    other = came(site, "TS-20261122-011", TEXT + "谢谢。", days=9)
    happened(site, complaint_id, "accepted", 40)
    happened(site, complaint_id, "bounced", 30, reason="不属本部门职责", note="属信用卡业务")
    happened(site, complaint_id, "contacted", 20)
    page = browser_page("lead")
    page.goto(f"/ui/complaints/{complaint_id}")
    screenshot(page, "complaint", full=True)
    page.get_by_role("button", name="重放").click()
    expect(page.get_by_text("没有差别")).to_be_visible()
    page.get_by_role("button", name="相关投诉").click()
    expect(page.locator("#asked").locator(f"a[href$='{other}']").first).to_be_visible()
    page.get_by_role("button", name="为什么").click()
    expect(page.get_by_role("heading", name="为什么这样判")).to_be_visible()
    assert "13800138000" not in page.content()
    assert_accessible(page)
    page.locator("#asked").scroll_into_view_if_needed()
    screenshot(page, "complaint-why", full=True)


def test_it_fits_the_window_and_the_paper(
    browser_page: Visitor, site: Site, tmp_path: Path
) -> None:
    complaint_id = came(site, "TS-20261122-020")
    happened(site, complaint_id, "accepted", 40)
    page = browser_page("auditor")
    page.goto(f"/ui/complaints/{complaint_id}")
    settle(page)
    assert_fits(page)
    paper = Path(os.environ.get("SUDA_PAPER") or tmp_path / "complaint.pdf")
    page.pdf(path=paper, prefer_css_page_size=True, print_background=True)
    assert paper.stat().st_size > 20_000
    page.emulate_media(media="print", color_scheme="dark")
    assert not page.locator(".side").is_visible()
    assert page.locator(".printed").is_visible()
    ground = page.evaluate("getComputedStyle(document.querySelector('.card')).backgroundColor")
    assert ground == "rgb(255, 255, 255)"


def test_what_is_not_there(browser_page: Visitor) -> None:
    page = browser_page("reviewer")
    page.goto("/ui/find?q=no-such")
    assert_accessible(page)
    screenshot(page, "find")
