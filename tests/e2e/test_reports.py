"""Boards, the list behind each number, and reports in a real browser.

For the pictures the demo's quarter is lived through, which takes minutes: made-up cases are even.
"""

from __future__ import annotations

import io
import json
import os
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from openpyxl import load_workbook

from benchmarks.cases import Plan, fill
from data.labelled import load_labelled
from data.splits import partition
from data.taxonomy.load import load
from serving.boards.period import around
from serving.cli.demo import CORPUS
from serving.demo import fill as demo
from serving.pipeline import Pipeline
from serving.review.desk import Reviewer
from serving.settings import Settings
from serving.store.database import connect
from serving.triage.policy import load as load_policy
from serving.triage.policy import packs_for
from tests.e2e.browsing import Visitor, assert_accessible, screenshot, settle
from tests.e2e.site import Site, served

CASES = 6_000
PICTURED = bool(os.environ.get("SUDA_SCREENS"))
PAGES = {
    "boards-today": "/ui/boards",
    "boards-trends": "/ui/boards/trends",
    "boards-hotspots": "/ui/boards/hotspots",
    "boards-departments": "/ui/boards/departments",
    "boards-deadlines": "/ui/boards/deadlines",
    "boards-reviewers": "/ui/boards/reviewers",
    "boards-model": "/ui/boards/model",
    "cases": "/ui/cases",
    "reports": "/ui/reports",
    "reports-product": "/ui/reports?table=product",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server with made-up cases of more than a year, or the demo's."""
    with served(tmp_path_factory.mktemp("site"), lived if PICTURED else made_up) as found:
        yield found


def made_up(database_url: str) -> None:
    """Cases without words, spread evenly."""
    taxonomy, now = load(), datetime.now(UTC)
    policy = load_policy(packs_for(taxonomy), taxonomy).at(now)
    engine = connect(database_url)
    fill(engine, Plan(CASES, now, days=480, reviewed=0.2, surge=0.3), taxonomy, policy)
    engine.dispose()


def lived(database_url: str) -> None:
    """The demo's quarter, with this site's people."""
    settings = Settings(database_url=database_url)
    pipeline = Pipeline.open(settings)
    split = partition(load_labelled(CORPUS, pipeline.taxonomy))
    people = [Reviewer("reviewer"), Reviewer("reviewer2"), Reviewer("lead", lead=True)]
    texts = [*split["dev"], *split["test"]][:2_400]
    engine = connect(database_url)
    demo.fill(engine, pipeline, texts, people, settings, datetime.now(UTC), seed=1)
    engine.dispose()


@pytest.mark.parametrize(("name", "path"), list(PAGES.items()))
def test_pages_are_accessible_and_photographed(browser_page: Visitor, name: str, path: str) -> None:
    page = browser_page("lead")
    page.goto(path)
    settle(page)
    assert_accessible(page)
    screenshot(page, name, full=name.startswith("boards"))


def test_a_figure_leads_to_just_those_complaints(browser_page: Visitor) -> None:
    page = browser_page("lead")
    page.goto("/ui/boards")
    card = page.locator("a.stat", has_text="法定时限已逾期")
    figure = card.locator(".stat__value").inner_text()
    card.click()
    page.wait_for_url("**/ui/cases?**")
    assert f"共 {figure} 条" in page.locator(".pager__text").inner_text()


def test_a_downloaded_report_equals_the_api(browser_page: Visitor, site: Site) -> None:
    period = around(datetime.now(UTC).date(), "quarter").before().name
    page = browser_page("lead")
    page.goto(f"/ui/reports?period={period}")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Excel").click()
    book = load_workbook(io.BytesIO(waiting.value.path().read_bytes()))
    told = _api(site, f"/v1/statistics/report?period={period}")
    products = next(table for table in told["tables"] if table["id"] == "product")
    total = products["rows"][-1]["cells"][2]
    assert total == told["head"]["cases"] > (0 if PICTURED else 500)
    sheet = book["业务类别统计"]
    assert sheet.cell(sheet.max_row, 3).value == total
    assert told["reconciled"]


def test_freezing_a_period_keeps_its_figures(browser_page: Visitor, site: Site) -> None:
    period = around(datetime.now(UTC).date(), "quarter").before().name
    page = browser_page("lead")
    page.goto(f"/ui/reports?period={period}")
    page.get_by_role("button", name="定稿").click()
    page.locator("#f-note").fill("已报送")
    page.locator("dialog").get_by_role("button", name="定稿", exact=True).click()
    page.get_by_text("已定稿", exact=False).first.wait_for()
    told = _api(site, f"/v1/statistics/report?period={period}")
    assert told["snapshot"]["number"] == 1
    assert told["snapshot"]["corrections"] == 0
    page.goto("/ui/reports/snapshots")
    assert told["snapshot"]["sha256"][:16] in page.content()


def _api(site: Site, path: str) -> Any:
    request = urllib.request.Request(  # noqa: S310
        f"{site.url}{path}", headers={"Authorization": f"Bearer {site.key}"}
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        return json.loads(answer.read())
