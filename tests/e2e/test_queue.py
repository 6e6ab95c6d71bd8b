"""The review queue in a browser, by keyboard."""

from __future__ import annotations

import json
import urllib.request
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import delete, select, update

from serving.review import rounds
from serving.store.rows.cases import CaseRow
from serving.store.rows.review import ItemRow
from serving.store.rows.web import SessionRow
from tests.e2e.browsing import Visitor, assert_accessible, screenshot, sign_in
from tests.e2e.site import PASSWORD, Site

EACH = 50
# Words, by whom they came, and through which channel.
_TEXTS = (
    ("刚才有人冒充客服，让我把第{}笔定期转到安全账户，钱刚转出去，请马上拦截！", "phone", "A01032"),
    ("手机银行转账一直显示处理中，第{}笔两天了对方还没收到，客服只让我等", "app", "A01033"),
    (
        "信用卡第{}期账单多了一笔权益费，我没有开通过，客服推给网点",
        "credit_card_phone",
        "A01032",
    ),
    ("网点排队等了{}个号还没轮到，柜员态度也不好，问一句就不耐烦", "counter", "A0101"),
    ("提前还房贷，合同里没写违约金，第{}次去却说要收一个月利息", "letter", "A0101"),
    ("买基金时客户经理说保本，现在亏了{}千多，风险测评还是他替我点的", "web", "A01031"),
    ("征信上多了第{}条逾期记录，可我从来没有办过这张卡，要求查清更正", "pbc", "A02"),
    ("老人的第{}张存单到期没人提醒，白白少了半年利息", "hotline_12345", "A0101"),
)
_BRANCHES = ("营业部", "城东支行", "高新支行", "滨江支行")
# One must look at all of them for this, and at some for more.
_DOUBT = "low_confidence:reason"
_MORE = ("ambiguous:reason", "rule_model_disagreement", "maybe_more_urgent", "unknown_words")


def ready(page: Page) -> None:
    page.wait_for_selector("body[data-ready]")


def item_of(page: Page) -> str:
    return str(page.locator("#review").get_attribute("data-item"))


def fill(page: Page) -> None:
    """A digit for every head that has nothing chosen; Enter leads to the next such head."""
    for _ in range(6):
        open_ = page.locator('.head[data-chosen=""]')
        if open_.count() == 0:
            return
        name = open_.first.get_attribute("data-head")
        while page.locator(".head--active").get_attribute("data-head") != name:
            page.keyboard.press("ArrowRight" if _before(page, str(name)) else "ArrowLeft")
        page.keyboard.press("1")
        if page.locator(f'.head[data-head="{name}"]').get_attribute("data-chosen") == "":
            page.keyboard.press("ArrowDown")


def _before(page: Page, name: str) -> bool:
    heads = page.locator(".head").evaluate_all("found => found.map(h => h.dataset.head)")
    active = page.locator(".head--active").get_attribute("data-head")
    return bool(heads.index(active) < heads.index(name))


def start(page: Page) -> None:
    page.goto("/ui/queue")
    ready(page)
    page.keyboard.press("Enter")
    page.wait_for_url("**/items/**")
    ready(page)


def start_open(page: Page) -> None:
    """At an item that shows what the model says; what one person did may come to another blind."""
    start(page)
    while page.locator("#review").get_attribute("data-blind") == "yes":
        submit(page)


def submit(page: Page) -> None:
    before = item_of(page)
    fill(page)
    page.keyboard.press("Enter")
    if page.locator("#why").is_visible() and page.locator("#f-why_below").is_visible():
        page.keyboard.type("客户说的是旧事")
        page.locator("#submit").click()
    page.wait_for_function(
        "id => document.getElementById('review')?.dataset.item !== id", arg=before
    )
    ready(page)


@pytest.fixture(scope="module")
def queued(site: Site) -> Site:
    """More complaints than two people work, all of them waiting for a review."""
    items = [complaint(n, datetime.now(UTC)) for n in range(2 * EACH + 12)]
    request = urllib.request.Request(  # noqa: S310
        f"{site.url}/v1/classify/batch",
        json.dumps({"items": items}).encode(),
        {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {site.key}",
            "Suda-Deadline-Ms": "100000",
        },
    )
    with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
        assert answer.status == 200
    with site.session() as session:
        # The first claim that finds nothing queues whatever waits.
        session.execute(delete(ItemRow))
        for n, row in enumerate(session.scalars(select(CaseRow).order_by(CaseRow.complaint_id))):
            row.review, row.reasons = "waiting", [_DOUBT, *_MORE[n % 7 : n % 7 + 1]]
    return site


def complaint(n: int, now: datetime) -> dict[str, str]:
    """One of those that came in over the last day and a half."""
    # Few are urgent.
    text, source, channel = _TEXTS[n % 40 and 1 + n % (len(_TEXTS) - 1)]
    return {
        "text": text.format(n + 2),
        "source": source,
        "channel": channel,
        "branch": _BRANCHES[n % len(_BRANCHES)],
        "external_id": f"TS{now:%Y%m%d}-{n:04}",
        "received_at": (now - timedelta(minutes=19 * n + 3)).isoformat(),
    }


def test_the_queue_and_an_item_are_accessible_and_fit(queued: Site, browser_page: Visitor) -> None:
    page = browser_page("lead")
    start(page)
    assert_accessible(page)
    screenshot(page, "queue-item")
    item = page.url
    page.goto("/ui/queue")
    ready(page)
    assert_accessible(page)
    expect(page.get_by_role("row").nth(1)).to_contain_text("陈芳")
    screenshot(page, "queue")
    page.goto("/ui/bulk")
    assert_accessible(page)
    screenshot(page, "bulk")
    page.goto(item)
    ready(page)
    page.locator("#release").click()
    page.wait_for_url("**/ui/queue")


def test_two_people_work_fifty_each_by_keyboard_and_none_twice(
    queued: Site, browser_page: Visitor
) -> None:
    pages = {login: browser_page(login) for login in ("reviewer", "reviewer2")}
    seen: list[str] = []
    for page in pages.values():
        start(page)
    for _ in range(EACH):
        for page in pages.values():
            seen.append(item_of(page))
            submit(page)
    assert len(seen) == 2 * EACH
    assert max(Counter(seen).values()) == 1
    with queued.session() as session:
        done = session.execute(
            select(ItemRow.submitted_by, ItemRow.id).where(ItemRow.state == "done")
        ).all()
    assert Counter(who for who, _ in done) == {"reviewer": EACH, "reviewer2": EACH}
    assert {id_ for _, id_ in done} == set(seen)


def test_keys_do_what_the_map_says_and_nothing_else(queued: Site, browser_page: Visitor) -> None:
    page = browser_page("reviewer")
    start_open(page)
    item = item_of(page)
    active = page.locator(".head--active")
    first = active.get_attribute("data-head")
    page.keyboard.press("ArrowRight")
    if active.get_attribute("data-head") == first:
        page.keyboard.press("ArrowLeft")
    assert active.get_attribute("data-head") != first
    page.keyboard.press("2")
    second = active.locator(".candidate").nth(1).get_attribute("data-code")
    assert active.get_attribute("data-chosen") == second
    page.keyboard.press("/")
    page.keyboard.type("s2")
    expect(page.locator("#find")).to_be_focused()
    page.keyboard.press("Escape")
    expect(active).to_be_focused()
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("2")
    page.keyboard.press("Escape")
    page.keyboard.press("e")
    assert not page.locator("#evidence").is_checked()
    for key in ("a", "x", "0", "Delete", "F2", "Control+s", "Alt+u"):
        page.keyboard.press(key)
    page.locator("#f-comment").click()
    page.keyboard.type("su1/?e")
    page.keyboard.press("Enter")
    assert page.locator("#f-comment").input_value() == "su1/?e\n"
    assert item_of(page) == item
    assert page.locator("#skip-dialog").is_hidden()
    page.locator(".head--active").focus()
    page.keyboard.press("s")
    expect(page.locator("#skip-dialog")).to_be_visible()
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    page.wait_for_function("id => document.getElementById('review')?.dataset.item !== id", arg=item)


def test_an_input_method_composing_submits_nothing(queued: Site, browser_page: Visitor) -> None:
    page = browser_page("reviewer")
    start(page)
    fill(page)
    item = item_of(page)
    for target in ("document.querySelector('.head--active')", "document.body"):
        for init in (
            "{key: 'Enter', isComposing: true}",
            "{key: 'Process', keyCode: 229}",
            "{key: 'Enter', keyCode: 229}",
            "{key: 's', isComposing: true}",
        ):
            page.evaluate(
                f"{target}.dispatchEvent(new KeyboardEvent('keydown', "
                f"{{bubbles: true, cancelable: true, ...{init}}}))"
            )
    page.keyboard.press("/")
    page.evaluate(
        "document.getElementById('find').dispatchEvent(new KeyboardEvent('keydown', "
        "{bubbles: true, key: 'Enter', isComposing: true}))"
    )
    expect(page.locator("#find")).to_be_visible()
    page.wait_for_timeout(500)
    assert item_of(page) == item
    assert page.locator("#skip-dialog").is_hidden()
    with queued.session() as session:
        assert session.get_one(ItemRow, item).state == "open"


def test_an_expired_lease_loses_no_choice(queued: Site, browser_page: Visitor) -> None:
    page = browser_page("reviewer")
    start(page)
    fill(page)
    item = item_of(page)
    page.keyboard.press("2")
    chosen = page.locator(".head--active").get_attribute("data-chosen")
    with queued.session() as session:
        past = datetime.now(UTC) - timedelta(minutes=1)
        session.execute(update(ItemRow).where(ItemRow.id == item).values(lease_until=past))
    page.keyboard.press("Enter")
    expect(page.locator("#banner")).to_contain_text("超时")
    expect(page.locator("#banner")).to_contain_text("您的选择已保留")
    page.keyboard.press("Enter")
    expect(page.locator("#banner")).to_be_hidden()
    assert page.locator(".head--active").get_attribute("data-chosen") == chosen
    submit(page)
    with queued.session() as session:
        row = session.get_one(ItemRow, item)
        assert row.state == "done"
        assert chosen in (row.labels or {}).values()


def test_a_lost_session_comes_back_to_the_item_with_the_choice(
    queued: Site, browser_page: Visitor
) -> None:
    page = browser_page("reviewer2")
    start(page)
    fill(page)
    item = item_of(page)
    page.keyboard.press("2")
    chosen = page.locator(".head--active").get_attribute("data-chosen")
    head = page.locator(".head--active").get_attribute("data-head")
    with queued.session() as session:
        session.execute(delete(SessionRow))
    page.keyboard.press("Enter")
    page.wait_for_url("**/ui/signin**")
    page.get_by_label("账号").fill("reviewer2")
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="登录", exact=True).click()
    page.wait_for_url(f"**/items/{item}**")
    ready(page)
    assert page.locator(f'.head[data-head="{head}"]').get_attribute("data-chosen") == chosen
    submit(page)


def test_the_last_submission_is_undone_by_a_key(queued: Site, browser_page: Visitor) -> None:
    page = browser_page("reviewer")
    start(page)
    item = item_of(page)
    submit(page)
    page.keyboard.press("u")
    page.wait_for_url(f"**/items/{item}**")
    ready(page)
    with queued.session() as session:
        assert session.get_one(ItemRow, item).state == "open"
    submit(page)


def test_a_blind_second_opinion_that_differs_goes_to_the_lead(
    queued: Site, browser_page: Visitor
) -> None:
    one = browser_page("reviewer")
    start(one)
    submit(one)
    with queued.session() as session:
        query = select(ItemRow).where(ItemRow.state == "done", ItemRow.submitted_by == "reviewer")
        first = session.scalars(query.order_by(ItemRow.submitted_at.desc())).first()
        assert first is not None
        second = rounds.second(session, first, datetime.now(UTC))
        session.flush()
        id_, first_id = second.id, first.id
    page = browser_page("reviewer2")
    page.goto(f"/ui/queue/items/{id_}")
    ready(page)
    page.locator("#claim").click()
    page.wait_for_selector('#review[data-mine="yes"]')
    ready(page)
    assert page.locator(".candidate .bar").count() == 0
    assert page.locator("#outcome").count() == 0
    assert_accessible(page)
    screenshot(page, "queue-blind")
    fill(page)
    changed = page.locator(".head").nth(1)
    changed.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    submit_or_leave(page, id_)
    lead = browser_page("lead")
    with queued.session() as session:
        query = select(ItemRow).where(ItemRow.round == 3, ItemRow.first_id == first_id)
        third = session.scalars(query).one()
        assert third.first_by == "reviewer"
        third_id = third.id
    lead.goto(f"/ui/queue/items/{third_id}")
    ready(lead)
    lead.locator("#claim").click()
    lead.wait_for_selector('#review[data-mine="yes"]')
    ready(lead)
    expect(lead.locator(".opinions").first).to_contain_text("李玲")
    assert_accessible(lead)
    screenshot(lead, "queue-adjudication")
    fill(lead)
    submit_or_leave(lead, third_id)
    with queued.session() as session:
        assert session.get_one(ItemRow, third_id).state == "done"


def submit_or_leave(page: Page, item: str) -> None:
    """Submit what may be the last item: the queue follows then."""
    page.keyboard.press("Enter")
    if page.locator("#why").is_visible():
        page.locator("#f-why_below").fill("客户说的是旧事")
        page.locator("#submit").click()
    page.wait_for_function("id => !location.pathname.endsWith(id)", arg=item)
    ready(page)


def test_the_quality_page_is_accessible_and_fits(queued: Site, browser_page: Visitor) -> None:
    page = browser_page("lead")
    page.goto("/ui/queue/quality")
    assert_accessible(page)
    screenshot(page, "queue-quality")


def test_nobody_else_signs_the_reviewer_in(browser_page: Visitor) -> None:
    page = browser_page()
    page.goto("/ui/queue")
    page.wait_for_url("**/ui/signin**")
    sign_in(page, "auditor")
    page.goto("/ui/queue")
    assert page.locator("#start").count() == 0
