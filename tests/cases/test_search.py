from __future__ import annotations

from datetime import timedelta

import pytest

from serving.cases.search import Scope, customer_of, find, related
from serving.store.rows.cases import CaseRow
from serving.store.tables import ComplaintRow
from tests.review.kit import Kit, kit

__all__ = ["kit"]

ALL = Scope()
WORDS = "信用卡年费未经同意被扣了三次，多次打电话投诉都没有人处理，要求马上退费并道歉"


def ids(found: list[CaseRow] | tuple[CaseRow, ...]) -> list[str]:
    return [case.complaint_id for case in found]


def test_it_is_found_by_its_id_and_by_the_senders_own(kit: Kit) -> None:
    one = kit.keep(external_id="K-1", source="crm")
    two = kit.keep(external_id="K-1", source="hotline")
    bare = kit.keep(external_id="K-2")
    with kit.session() as session:
        assert ids(find(session, one, ALL)) == [one]
        assert ids(find(session, f" {one.lower()} ", ALL)) == [one]
        assert ids(find(session, "K-1", ALL)) == [two, one]
        assert ids(find(session, "K-2", ALL)) == [bare]
        assert [find(session, no, ALL) for no in ("", "K", "K-%", "x" * 200, "a\x00")] == [[]] * 5


def test_nobody_finds_what_is_another_branches(kit: Kit) -> None:
    kit.keep(external_id="K-1")
    with kit.session() as session:
        (case,) = find(session, "K-1", ALL)
        assert ids(find(session, "K-1", Scope(department=case.lead)))
        assert not find(session, "K-1", Scope(department="elsewhere"))
        assert not find(session, "K-1", Scope(branch="elsewhere"))


@pytest.mark.parametrize("field", ["customer", "who.id"])
def test_the_same_customers_others_are_related(kit: Kit, field: str) -> None:
    def data(number: int | str) -> dict[str, object]:
        return {"customer": number} if field == "customer" else {"who": {"id": number}}

    long_ago = kit.clock() - timedelta(days=400)
    kit.keep(metadata=data(7), received_at=long_ago)
    mine = kit.keep(metadata=data(7))
    same = kit.keep(metadata=data(7))
    kit.keep(metadata=data(8))
    kit.keep()
    with kit.session() as session:
        row = session.get(ComplaintRow, mine)
        assert row is not None
        assert customer_of(row, field) == "7"
        assert ids(related(session, row, field, ALL, kit.clock()).customer) == [same]
        assert related(session, row, None, ALL, kit.clock()).customer == ()
        assert related(session, row, "missing.x", ALL, kit.clock()).customer == ()


def test_those_of_nearly_the_same_words_are_related(kit: Kit) -> None:
    mine, like = kit.keep(WORDS), kit.keep(WORDS + "！")
    kit.keep("手机银行转账一直失败，客服说系统升级，已经三天了还是不行，请尽快解决这个问题")
    with kit.session() as session:
        row = session.get(ComplaintRow, mine)
        assert row is not None
        assert ids(related(session, row, None, ALL, kit.clock()).words) == [like]
