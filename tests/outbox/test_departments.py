"""How departments are told: what the policy says, what administrators set over it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from data.errors import InputError, NotFoundError
from serving.outbox import departments
from serving.outbox.departments import Change
from serving.store import audit
from serving.store.reencrypt import reencrypt
from serving.triage.policy import Policy
from tests.cases.kit import policy, tried
from tests.outbox.kit import LEAD, SECRET, Bank, banking
from tests.store.security_kit import KEY

URL = "https://crm.bank.example/suda"


def destination(bank: Bank) -> Any:
    with bank.store.session() as session:
        return departments.destinations(session, policy(), bank.now).get(LEAD)


def shown(bank: Bank) -> dict[str, Any]:
    with bank.store.session() as session:
        return departments.shown(session, policy(), LEAD, bank.now)


def test_a_department_that_nobody_set_anything_for(bank: Bank) -> None:
    assert destination(bank) is None
    assert (shown(bank)["webhook"], shown(bank)["enabled"]) == (None, True)
    assert list(bank.directory.told) == []


def test_with_its_webhook_it_gets_a_secret_shown_once(bank: Bank) -> None:
    made = bank.change(LEAD, Change(webhook=URL))
    assert made is not None
    assert destination(bank).secrets == (made,)
    assert list(bank.directory.told) == [LEAD]
    assert shown(bank)["has_secret"]
    assert made not in str(shown(bank))
    assert bank.change(LEAD, Change(webhook=URL + "/2")) is None
    assert destination(bank).secrets == (made,)


def test_two_secrets_sign_while_one_takes_over_from_the_other(bank: Bank) -> None:
    bank.tell(URL)
    made = bank.change(LEAD, Change(new_secret=True, overlap=timedelta(days=2)))
    assert destination(bank).secrets == (made, SECRET)
    bank.later(days=2)
    assert destination(bank).secrets == (made,)
    assert bank.change(LEAD, Change(secret="n" * 24, overlap=timedelta(0))) is None
    assert destination(bank).secrets == ("n" * 24,)


def test_what_is_set_here_goes_before_the_policy(small_bank: Bank) -> None:
    bank = small_bank
    stated = _with_webhook(policy(), "https://old.example/")
    with bank.store.session() as session:
        found = departments.destinations(session, stated, bank.now)[LEAD]
    assert (found.url, found.open) == ("https://old.example/", False)
    bank.tell(URL)
    with bank.store.session() as session:
        assert departments.destinations(session, stated, bank.now)[LEAD].url == URL
        assert departments.shown(session, stated, LEAD, bank.now)["webhook_from"] == "settings"
    bank.change(LEAD, Change(webhook=""))
    with bank.store.session() as session:
        assert departments.shown(session, stated, LEAD, bank.now)["webhook_from"] == "policy"
        assert departments.destinations(session, stated, bank.now)[LEAD].open


def _with_webhook(policy: Policy, url: str) -> Policy:
    file = policy.pack.departments
    rows = [
        d.model_copy(update={"webhook": url}) if d.code == LEAD else d for d in file.departments
    ]
    changed = file.model_copy(update={"departments": rows})
    router = replace(policy.router, departments={d.code: d for d in rows})
    return replace(policy, pack=replace(policy.pack, departments=changed), router=router)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (Change(webhook="ftp://x/"), "webhook"),
        (Change(webhook="http://169.254.169.254/"), "webhook"),
        (Change(webhook=URL, secret="short"), "secret"),
    ],
)
def test_what_cannot_be_changes_nothing(small_bank: Bank, change: Change, field: str) -> None:
    with pytest.raises(InputError) as caught:
        small_bank.change(LEAD, change)
    assert caught.value.field == field
    assert destination(small_bank) is None


def test_a_department_that_the_policy_does_not_know(small_bank: Bank) -> None:
    with pytest.raises(NotFoundError):
        small_bank.change("nobody", Change(webhook=URL))


@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "sealed"])
def test_secrets_are_encrypted_at_rest_where_a_key_is_set(
    database_url: str, key: str | None
) -> None:
    with banking(database_url, key) as bank:
        bank.tell(URL)
        bank.change(LEAD, Change(new_secret=True))
        with bank.store.engine.connect() as connection:
            query = text("SELECT secret, previous_secret FROM departments")
            stored = connection.execute(query).one()
        assert (SECRET in stored) == (key is None)
        before = destination(bank).secrets
        if key is not None:
            assert reencrypt(bank.store.engine) >= 2
        assert destination(bank).secrets == before


def test_changes_are_audited_without_secret_and_address(small_bank: Bank) -> None:
    bank = small_bank
    bank.tell(URL + "?token=t0p")
    bank.change(LEAD, Change(enabled=False))
    with bank.store.session() as session:
        entries = audit.page(session, audit.Filter(subject=f"department:{LEAD}"), 10)
    assert [entry.actor for entry in entries] == ["admin", "admin"]
    told = "".join(entry.details for entry in entries)
    assert SECRET not in told
    assert "t0p" not in told
    assert '"enabled":false' in entries[1].details.replace(" ", "")


def test_who_is_told_is_kept_in_memory_until_it_is_read_anew(small_bank: Bank) -> None:
    bank = small_bank
    change = Change(webhook=URL)
    tried(bank.store, lambda s: departments.change(s, policy(), LEAD, change, "a", bank.now))
    assert list(bank.directory.told) == []
    bank.directory.refresh()
    assert list(bank.directory.told) == [LEAD]
