"""Who is told of a decision, what they are told, and that it costs nothing where nobody is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import orjson
import pytest
from sqlalchemy import Engine, event

from serving.outbox import orders, payload
from serving.store import driver, privacy
from serving.store.privacy import Held
from tests.cases.kit import answer_of, case_of, keep, policy, tried
from tests.outbox.kit import LEAD, Bank

TEXT = "我的卡被盗刷了五万，电话13800138000"
ALL = ("consumer_protection", "personal_finance", "anti_fraud", "operations", "security", LEAD)


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """What is asked of the database in the meantime."""
    seen: list[str] = []

    def note(conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        seen.append(statement)

    def written(connection: Any, statement: Any, rows: Any) -> None:
        seen.append(str(statement))
        write(connection, statement, rows)

    write = driver.write
    event.listen(engine, "before_cursor_execute", note)
    with patch.object(driver, "write", written):
        yield seen
    event.remove(engine, "before_cursor_execute", note)


def test_who_is_told_and_as_what() -> None:
    answer = answer_of("C", TEXT, "B03015")
    found = orders.recipients(answer)
    assert found["anti_fraud"] == "lead"
    assert found["personal_finance"] == "assisting"
    assert found["consumer_protection"] == "copy"
    # Who has several parts has the first of them.
    investigator = {"code": "anti_fraud", "name": "x"}
    routing = {**answer["routing"], "investigator": investigator}
    assert orders.recipients({"routing": routing})["anti_fraud"] == "lead"


def test_each_department_with_a_webhook_gets_its_order(bank: Bank) -> None:
    for code in ALL[:3]:
        bank.tell("http://localhost:9/", code)
    one = keep(bank.store, TEXT, "B03015")
    found = {(m.department, m.kind, m.part, m.complaint_id) for m in bank.messages()}
    assert found == {
        ("anti_fraud", "order", "lead", one),
        ("personal_finance", "order", "assisting", one),
        ("consumer_protection", "order", "copy", one),
    }


def test_it_costs_nothing_where_nobody_is_told_and_one_statement_else(small_bank: Bank) -> None:
    bank = small_bank
    with statements(bank.store.engine) as seen:
        keep(bank.store)
    assert [said for said in seen if "complaints" in said]
    assert not [said for said in seen if "outbox" in said or "departments" in said]
    for code in ALL:
        bank.tell("http://localhost:9/", code)
    with statements(bank.store.engine) as seen:
        keep(bank.store, TEXT, "B03015")
    assert len([said for said in seen if "outbox" in said]) == 1
    assert len(bank.messages()) > 3


def test_an_order_stands_and_falls_with_its_decision(bank: Bank) -> None:
    bank.tell("http://localhost:9/")

    def refuse(*_: Any) -> None:
        raise OSError("disk full")

    bank.store.attach(refuse)
    with pytest.raises(OSError, match="disk full"):
        keep(bank.store)
    assert bank.messages() == []


def test_a_later_decision_withdraws_the_order_from_who_had_it(bank: Bank) -> None:
    for code in ALL:
        bank.tell("http://localhost:9/", code)
    one = keep(bank.store, TEXT, "B03015")
    first = len(bank.messages())
    before, after = answer_of(one, TEXT, "B03015"), answer_of(one, TEXT, "B03026")
    case = case_of(bank.store, one)
    told = tried(bank.store, lambda s: orders.reroute(s, case, before, after, policy(), bank.now))
    new = {(m.department, m.kind, m.part) for m in bank.messages()[first:]}
    assert told == len(new)
    assert (LEAD, "order", "lead") in new
    assert ("anti_fraud", "order", "assisting") in new
    assert ("personal_finance", "withdrawal", "assisting") in new
    same = tried(bank.store, lambda s: orders.reroute(s, case, after, after, policy(), bank.now))
    assert same == 0


def test_handlers_get_the_words_copies_get_them_masked_withdrawals_none(bank: Bank) -> None:
    for code in ALL:
        bank.tell("http://localhost:9/", code)
    one = keep(bank.store, TEXT, "B03015", metadata={"phone": "13800138000", "name": "冯玉兰"})
    case = case_of(bank.store, one)
    before, after = answer_of(one, TEXT, "B03015"), answer_of(one, TEXT, "B03026")
    tried(bank.store, lambda s: orders.reroute(s, case, before, after, policy(), bank.now))
    with bank.store.session() as session:
        made = {
            (m.kind, m.part): (payload.build(session, m), payload.build(session, m))
            for m in bank.messages()
        }
    assert all(first == again for first, again in made.values())
    said = {key: body.decode() for key, (body, _) in made.items()}
    for part in ("lead", "assisting"):
        order = orjson.loads(said["order", part])
        assert order["complaint"]["text"] == TEXT
        assert order["complaint"]["metadata"]["phone"] == "13800138000"
        assert order["decision"]["routing"]["lead"]["code"] == "anti_fraud"
    copy = said["order", "copy"]
    assert "13800138000" not in copy
    assert "冯玉兰" not in copy
    document = orjson.loads(copy)
    assert document["complaint"]["text"].startswith("我的卡被盗刷了")
    quoted = [hit for flag in document["decision"]["flags"] for hit in flag["evidence"]]
    assert {hit["text"] for hit in quoted} <= {""}
    withdrawal = orjson.loads(said["withdrawal", "assisting"])
    assert set(withdrawal) == {
        *("version", "id", "kind", "part", "department", "created_at"),
        *("complaint_id", "decision_id", "source", "external_id"),
    }


def test_what_was_erased_is_not_sent(bank: Bank) -> None:
    bank.tell("http://localhost:9/")
    one = keep(bank.store, TEXT)
    held = Held((one,), ())
    tried(
        bank.store,
        lambda s: privacy.erase(s, held, "customer.erased", "客户要求", "t", bank.now),
    )
    (message,) = bank.messages()
    with bank.store.session() as session:
        document = orjson.loads(payload.build(session, message))
    assert document["erased"] is True
    assert document["complaint"]["text"] == ""
    assert "盗刷" not in str(document)


def test_an_escalation_goes_where_the_policy_says(small_bank: Bank) -> None:
    bank = small_bank
    case = case_of(bank.store, keep(bank.store))
    to = "consumer_protection"
    assert not tried(bank.store, lambda s: orders.escalate(s, case, to, policy(), bank.now))
    bank.tell("http://localhost:9/", to)
    assert tried(bank.store, lambda s: orders.escalate(s, case, to, policy(), bank.now))
    (message,) = bank.messages()
    assert (message.kind, message.part, message.department) == ("escalation", "escalation", to)
