"""At least once, in order, at each department's own pace; what fails comes again or is given up."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from data.errors import NotFoundError, WrongStateError
from serving.outbox import orders, payload
from serving.outbox.background import terms
from serving.outbox.courier import Courier, Terms
from serving.outbox.departments import Change
from serving.outbox.replay import replay_department, replay_one
from serving.outbox.sender import Destination, HttpSender, Outcome
from serving.outbox.signing import verify
from serving.settings import Settings
from serving.store import audit, outbox
from serving.store.rows.outbox import OutboxRow
from tests.cases.kit import case_of, events_of, keep, policy, tried
from tests.outbox.kit import LEAD, NOW, SECRET, Bank
from tests.outbox.receiver import held, ok, receiving, slow, status

OTHER = "personal_finance"


class Noted:
    """Takes everything, and notes how much at once."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.ids: list[str] = []
        self.seconds = seconds
        self.at_once = self.most = 0

    async def send(self, destination: Destination, message_id: str, body: bytes) -> Outcome:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        self.ids.append(message_id)
        await asyncio.sleep(self.seconds)
        self.at_once -= 1
        return Outcome(204, None)

    async def close(self) -> None: ...


def test_a_decision_is_delivered_and_known_to_be(bank: Bank) -> None:
    with receiving() as receiver:
        bank.tell(receiver.url)
        one = keep(bank.store)
        assert bank.deliver() == ["delivered"]
        assert bank.deliver() == []
    (request,) = receiver.requests
    (message,) = bank.messages()
    assert request.headers["suda-delivery"] == message.id == request.document["id"]
    assert request.document["complaint"]["text"] == "年费为什么扣了"
    assert (message.state, message.status, message.attempts) == ("delivered", 204, 1)
    told = [row for row in events_of(bank.store, one) if row.kind == "delivered"]
    assert [(row.department, row.body["message"]) for row in told] == [(LEAD, message.id)]
    # Nothing about the case itself has changed by that.
    assert case_of(bank.store, one).status == "open"


def test_what_fails_comes_again_later_each_time_under_the_same_id(bank: Bank) -> None:
    with receiving(status(500), status(500), ok) as receiver:
        bank.tell(receiver.url)
        keep(bank.store)
        waits = []
        for _ in range(3):
            bank.deliver()
            (message,) = bank.messages()
            waits.append((message.next_at - bank.now).total_seconds())
            assert bank.deliver() == [], "before its time it is not tried"
            bank.now = max(bank.now, message.next_at)
    assert waits[:2] == [10.0, 20.0]
    assert bank.messages()[0].state == "delivered"
    assert len({request.headers["suda-delivery"] for request in receiver.requests}) == 1
    assert len({request.body for request in receiver.requests}) == 1


def test_given_up_it_is_a_dead_letter_until_somebody_sends_it_again(bank: Bank) -> None:
    with receiving(*[status(500)] * 4, ok) as receiver:
        bank.tell(receiver.url)
        one = keep(bank.store)
        seen = []
        for _ in range(6):
            seen += bank.deliver()
            bank.later(hours=1)
        assert seen == ["failed", "failed", "failed", "dead"]
        (message,) = bank.messages("dead")
        assert (message.error, message.status) == ("HTTP 500", 500)
        assert [row.kind for row in events_of(bank.store, one)] == ["dead"]
        again = tried(bank.store, lambda s: replay_one(s, message.id, "admin", bank.now))
        assert (again.state, again.attempts) == ("pending", 0)
        with pytest.raises(WrongStateError):
            tried(bank.store, lambda s: replay_one(s, message.id, "admin", bank.now))
        with pytest.raises(NotFoundError):
            tried(bank.store, lambda s: replay_one(s, "0" * 26, "admin", bank.now))
        assert bank.deliver() == ["delivered"]
    assert {request.headers["suda-delivery"] for request in receiver.requests} == {message.id}
    with bank.store.session() as session:
        (entry,) = audit.page(session, audit.Filter(action="outbox.replayed"), 10)
        assert entry.subject == f"message:{message.id}"


def test_all_dead_letters_of_a_department_at_once(small_bank: Bank) -> None:
    bank = small_bank
    with receiving(status(404)) as receiver:
        bank.tell(receiver.url)
        for _ in range(3):
            keep(bank.store)
        once = Terms(attempts=1)
        assert bank.deliver(terms=once) == ["dead"] * 3
        assert tried(bank.store, lambda s: replay_department(s, OTHER, "a", bank.now)) == 0
        assert tried(bank.store, lambda s: replay_department(s, LEAD, "a", bank.now)) == 3
    assert len(bank.messages("pending")) == 3


def test_switched_off_it_waits_and_switched_on_it_goes(bank: Bank) -> None:
    with receiving() as receiver:
        bank.tell(receiver.url)
        bank.change(LEAD, Change(enabled=False))
        keep(bank.store), keep(bank.store)
        assert bank.deliver() == []
        assert {m.attempts for m in bank.messages("pending")} == {0}
        stands = tried(bank.store, outbox.standing)
        assert (stands.pending, stands.oldest) == (2, None)
        bank.change(LEAD, Change(enabled=True))
        assert tried(bank.store, outbox.standing).oldest is not None
        assert bank.deliver() == ["delivered"] * 2
    assert len(receiver.requests) == 2


def test_what_was_sent_and_not_marked_is_sent_again_as_the_same(bank: Bank) -> None:
    """The process dies between the answer and its own commit."""
    with receiving() as receiver:
        bank.tell(receiver.url)
        keep(bank.store)

        async def dies(courier: Courier) -> None:
            def crash(*_: object) -> None:
                raise SystemExit

            courier._mark = crash  # type: ignore[assignment, method-assign]
            await courier.begin()
            await asyncio.gather(*courier._tasks, return_exceptions=True)

        with pytest.raises(SystemExit):
            bank.run(dies)
        assert len(receiver.requests) == 1
        assert bank.deliver() == [], "its lease still runs"
        bank.later(seconds=31)
        assert bank.deliver() == ["delivered"]
    first, second = receiver.requests
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert first.body == second.body
    assert verify(SECRET, second.headers["suda-signature"], second.body, _signed_at(second))


def _signed_at(request: Any) -> float:
    return float(request.headers["suda-signature"].split(",")[0].removeprefix("t="))


def test_one_that_arrived_after_its_lease_is_not_marked_failed_by_the_other(bank: Bank) -> None:
    bank.tell("http://localhost:9/")
    keep(bank.store)
    taken: list[Any] = []

    async def twice(courier: Courier) -> None:
        taken.extend(await courier._claim(LEAD, 1))
        bank.later(seconds=31)
        taken.extend(await courier._claim(LEAD, 1))

    bank.run(twice)
    late, current = taken
    assert late.id == current.id
    assert late.lease != current.lease

    async def mark(courier: Courier) -> None:
        lost = Outcome(500, "HTTP 500")
        await courier._db(lambda s: courier._mark(s, late, lost))
        assert bank.messages()[0].lease == current.lease, "it is the other's now"
        await courier._db(lambda s: courier._mark(s, late, Outcome(200, None)))
        await courier._db(lambda s: courier._mark(s, current, lost))

    bank.run(mark)
    assert bank.messages()[0].state == "delivered"


def test_order_is_kept_for_each_complaint_and_department(bank: Bank) -> None:
    """The withdrawal never arrives before the order it takes back, whatever fails."""
    with receiving(status(500), status(500), ok) as receiver:
        bank.tell(receiver.url)
        one = keep(bank.store)
        before = {"routing": _routing(LEAD), "labels": {}, "deadlines": []}
        after = {"routing": _routing(OTHER), "labels": {}, "deadlines": []}
        case = case_of(bank.store, one)
        tried(
            bank.store,
            lambda s: orders.reroute(s, case, before, after, policy(), bank.now),
        )
        other = keep(bank.store)
        for _ in range(8):
            bank.deliver()
            bank.later(minutes=5)
    kinds = [d["kind"] for d in receiver.documents() if d["complaint_id"] == one]
    assert kinds[-1] == "withdrawal"
    assert set(kinds[:-1]) == {"order"}
    assert other in [d["complaint_id"] for d in receiver.documents()]
    assert {message.state for message in bank.messages()} == {"delivered"}


def _routing(lead: str) -> dict[str, Any]:
    party = {"code": lead, "name": lead}
    return {"lead": party, "investigator": None, "assisting": [], "copies": [], "branch": None}


def test_a_dead_letter_keeps_back_what_is_behind_it(small_bank: Bank) -> None:
    bank = small_bank
    with receiving(status(500), ok) as receiver:
        bank.tell(receiver.url)
        one = keep(bank.store)
        case = case_of(bank.store, one)
        tried(bank.store, lambda s: orders.escalate(s, case, LEAD, policy(), bank.now))
        assert bank.deliver(terms=Terms(attempts=1)) == ["dead"]
        assert bank.deliver() == []
        tried(bank.store, lambda s: replay_department(s, LEAD, "a", bank.now))
        assert bank.deliver() == ["delivered"] * 2
    assert [d["kind"] for d in receiver.documents()] == ["order", "order", "escalation"]


def test_a_slow_receiver_blocks_nobody(small_bank: Bank) -> None:
    bank = small_bank
    gate = threading.Event()
    with receiving(held(gate, ok)) as sluggish, receiving() as quick:
        bank.tell(sluggish.url, LEAD)
        bank.tell(quick.url, OTHER)
        for _ in range(6):
            keep(bank.store)
        for _ in range(6):
            keep(bank.store, product="B01")

        def done(result: str) -> None:
            # Time goes on with everything that came back; the slow one answers after six others.
            bank.results.append(result)
            bank.later(seconds=1)
            if len(bank.results) == 6:
                gate.set()

        async def watched(courier: Courier) -> None:
            courier._on_done = done
            await courier.once()

        bank.run(watched, sender=HttpSender(timeout=20.0, private=True))
    came = sorted(bank.messages("delivered"), key=lambda message: message.done_at or NOW)
    assert [message.department for message in came] == [OTHER] * 6 + [LEAD] * 6
    assert len(sluggish.requests) == 6
    assert sluggish.most_at_once <= 4


def test_no_more_at_once_than_a_department_can_take(small_bank: Bank) -> None:
    bank = small_bank
    bank.tell("http://localhost:9/")
    bank.change(LEAD, Change(concurrency=2))
    for _ in range(7):
        keep(bank.store)
    sender = Noted(0.02)
    assert bank.deliver(sender=sender) == ["delivered"] * 7
    assert sender.most == 2


def test_several_couriers_bring_each_message_once(bank: Bank) -> None:
    bank.tell("http://localhost:9/")
    ids = {keep(bank.store) for _ in range(40)}
    senders = [Noted(0.001) for _ in range(3)]
    threads = [
        threading.Thread(target=bank.run, args=(Courier.once,), kwargs={"sender": sender})
        for sender in senders
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    brought = [message for sender in senders for message in sender.ids]
    assert len(brought) == len(set(brought)) == len(ids)
    assert len(bank.messages("delivered")) == 40


def test_without_a_secret_nothing_goes_out(small_bank: Bank) -> None:
    bank = small_bank
    bank.tell("http://localhost:9/")
    keep(bank.store)
    tried(bank.store, lambda s: s.execute(text("UPDATE departments SET secret = NULL")))
    assert bank.deliver() == []
    assert len(bank.messages("pending")) == 1


def test_a_message_that_cannot_be_made_holds_up_no_other_and_is_given_up(
    small_bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank = small_bank
    bank.tell("http://localhost:9/")
    broken, whole = keep(bank.store), keep(bank.store)
    build = payload.build

    def fails(session: Session, message: OutboxRow) -> bytes:
        if message.complaint_id == broken:
            raise KeyError("text")
        return build(session, message)

    monkeypatch.setattr(payload, "build", fails)
    sender = Noted()
    assert sorted(bank.deliver(sender=sender, terms=Terms(attempts=1))) == ["dead", "delivered"]
    (dead,) = bank.messages("dead")
    assert (dead.complaint_id, dead.error) == (broken, "cannot be made: KeyError")
    assert [m.complaint_id for m in bank.messages("delivered")] == [whole]


def test_a_database_that_is_away_is_waited_for(
    small_bank: Bank, caplog: pytest.LogCaptureFixture
) -> None:
    bank = small_bank
    bank.tell("http://localhost:9/")
    keep(bank.store)
    sender = Noted()

    async def outage(courier: Courier) -> None:
        stopping = asyncio.Event()
        tried(bank.store, lambda s: s.execute(text("ALTER TABLE outbox RENAME TO gone")))
        running = asyncio.create_task(courier.run(stopping))
        await asyncio.sleep(0.1)
        assert sender.ids == []
        tried(bank.store, lambda s: s.execute(text("ALTER TABLE gone RENAME TO outbox")))
        for _ in range(100):
            await asyncio.sleep(0.02)
            if bank.messages("delivered"):
                break
        stopping.set()
        await running
        assert await courier.settle(1.0)

    bank.run(outage, sender=sender)
    assert len(sender.ids) == 1
    assert "the outbox cannot be read" in caplog.text


def test_what_is_on_its_way_is_waited_for_at_the_end(small_bank: Bank) -> None:
    bank = small_bank
    with receiving(slow(0.3, ok)) as receiver:
        bank.tell(receiver.url)
        keep(bank.store)

        async def stopped(courier: Courier) -> None:
            stopping = asyncio.Event()
            running = asyncio.create_task(courier.run(stopping))
            while not receiver.requests:
                await asyncio.sleep(0.01)
            stopping.set()
            await running
            assert await courier.settle(2.0)

        bank.run(stopped)
    assert bank.results == ["delivered"]


@pytest.mark.parametrize(
    ("attempt", "draw", "retry_after", "expected"),
    [
        (1, 1.0, None, 10.0),
        (4, 1.0, None, 80.0),
        (4, 0.25, None, 20.0),
        (400, 1.0, None, 100.0),
        (1, 0.0, None, 0.0),
        (1, 0.5, 60.0, 60.0),
        (1, 0.5, 1e6, 100.0),
    ],
)
def test_the_wait_grows_is_drawn_and_has_an_end(
    attempt: int, draw: float, retry_after: float | None, expected: float
) -> None:
    assert Terms(base=10.0, cap=100.0).wait(attempt, draw, retry_after) == expected


def test_the_lease_outlasts_an_attempt() -> None:
    settings = Settings(webhook_timeout=200)
    assert terms(settings).lease > settings.webhook_timeout
