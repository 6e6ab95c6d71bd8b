"""A receiver that is down is left alone, and found again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from serving.outbox.courier import Courier
from serving.outbox.departments import Change
from serving.outbox.pauses import PATIENCE, Pauses
from serving.outbox.sender import Destination, Outcome
from tests.cases.kit import keep
from tests.outbox.kit import LEAD, NOW, Bank

OTHER = "personal_finance"
DOWN = Outcome(None, "cannot connect")


class Receiver:
    """Answers each department as it is told to."""

    def __init__(self, answer: Callable[[str], Outcome]) -> None:
        self.answer = answer
        self.tried: list[str] = []

    async def send(self, destination: Destination, message_id: str, body: bytes) -> Outcome:
        self.tried.append(destination.department)
        await asyncio.sleep(0)
        return self.answer(destination.department)

    async def close(self) -> None: ...


def test_an_outage_costs_a_few_attempts_however_many_wait(
    small_bank: Bank, caplog: pytest.LogCaptureFixture
) -> None:
    bank = small_bank
    caplog.set_level("INFO")
    bank.tell("http://localhost:9/")
    bank.tell("http://localhost:9/", OTHER)
    bank.change(LEAD, Change(concurrency=1))
    for _ in range(12):
        keep(bank.store)
    for _ in range(12):
        keep(bank.store, product="B01")
    up = Outcome(204, None)
    receiver = Receiver(lambda department: DOWN if department == LEAD else up)

    async def outage(courier: Courier) -> None:
        await courier.once()
        assert receiver.tried.count(LEAD) == PATIENCE
        assert receiver.tried.count(OTHER) == 12, "nobody else is held up"
        # Half an hour, looked at every five seconds.
        for _ in range(360):
            bank.later(seconds=5)
            await courier.once()
        probes = receiver.tried.count(LEAD) - PATIENCE
        assert 6 <= probes <= 14
        assert bank.messages("dead") == [], "four attempts each, twelve messages"
        receiver.answer = lambda _: up
        bank.later(minutes=61)
        await courier.once()

    bank.run(outage, sender=receiver)
    assert {message.state for message in bank.messages()} == {"delivered"}
    assert [r.message for r in caplog.records if LEAD in r.message and "alone" in r.message] == [
        f"{LEAD} is left alone for a while: cannot connect"
    ]
    assert f"{LEAD} answers again" in caplog.text


def test_who_refuses_a_message_is_not_down() -> None:
    pauses = Pauses(lambda: 1.0)
    for _ in range(50):
        pauses.told(LEAD, Outcome(400, "HTTP 400"), NOW)
    assert pauses.room(LEAD, 4, 0, NOW) == 4
    for status in (500, 503, 429, 408):
        for _ in range(PATIENCE):
            pauses.told(LEAD, Outcome(status, "no"), NOW)
        assert pauses.room(LEAD, 4, 0, NOW) == 0
        pauses.told(LEAD, Outcome(400, "HTTP 400"), NOW)
        assert pauses.room(LEAD, 4, 0, NOW) == 4


def test_the_pause_grows_and_one_message_at_a_time_is_tried() -> None:
    pauses = Pauses(lambda: 1.0)
    for _ in range(PATIENCE - 1):
        pauses.told(LEAD, DOWN, NOW)
    assert pauses.room(LEAD, 4, 0, NOW) == 4
    now = NOW
    for seconds in (5, 10, 20, 40, 80, 160, 300, 300):
        pauses.told(LEAD, DOWN, now)
        assert pauses.room(LEAD, 4, 0, now + timedelta(seconds=seconds - 1)) == 0
        now += timedelta(seconds=seconds)
        assert pauses.room(LEAD, 4, 0, now) == 1
        assert pauses.room(LEAD, 3, 1, now) == 0
        assert pauses.room(OTHER, 4, 0, now) == 4
    pauses.told(LEAD, Outcome(200, None), now)
    assert pauses.room(LEAD, 4, 0, now) == 4
