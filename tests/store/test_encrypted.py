"""Customers' words at rest."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from serving.security.encryption import TextKeyError, new_key
from serving.store.reencrypt import reencrypt, total
from serving.store.store import Store
from tests.store.security_kit import KEY, WORDS, keep, opened

TRICKY = ("suda1:AAAA", "suda0:x", "suda0:suda1:y", "suda", "年费")


def stored(url: str) -> str:
    with opened(url) as (engine, _), engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT c.text, d.body FROM complaints c JOIN decisions d ON c.id = d.complaint_id"
            )
        )
        return "".join(f"{words}{bytes(body).decode('utf-8', 'ignore')}" for words, body in rows)


def test_with_a_key_nothing_else_changes_and_nothing_is_readable(database_url: str) -> None:
    with opened(database_url, KEY) as (engine, _):
        complaint_id = keep(engine)
        store = Store(engine)
        assert store.complaint(complaint_id)["text"] == WORDS
        assert WORDS[:3] in store.decision(complaint_id).decode()
    for piece in (WORDS, WORDS[:3], WORDS[3:6], WORDS[6:9]):
        assert piece not in stored(database_url)


def test_without_the_key_the_error_says_which_setting(database_url: str) -> None:
    with opened(database_url, KEY) as (engine, _):
        complaint_id = keep(engine)
    for other in (None, new_key()):
        with (
            opened(database_url, other) as (engine, _),
            pytest.raises(TextKeyError, match="SUDA_TEXT_KEY"),
        ):
            Store(engine).complaint(complaint_id)


def test_what_was_plain_before_stays_readable(database_url: str) -> None:
    with opened(database_url) as (engine, _):
        complaint_id = keep(engine)
    with opened(database_url, KEY) as (engine, _):
        assert Store(engine).complaint(complaint_id)["text"] == WORDS


@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "sealed"])
def test_words_that_look_encrypted_are_only_words(sqlite_url: str, key: str | None) -> None:
    with opened(sqlite_url, key) as (engine, _):
        for words in TRICKY:
            assert Store(engine).complaint(keep(engine, words=words))["text"] == words


def test_keys_are_changed_without_losing_a_word(database_url: str) -> None:
    newer = new_key()
    with opened(database_url) as (engine, _):
        kept = [keep(engine, words=f"{WORDS}{n}") for n in range(3)]
    with opened(database_url, KEY) as (engine, _):
        kept += [keep(engine, words=f"{WORDS}{n}") for n in range(3, 6)]
    with opened(database_url, f"{newer},{KEY}") as (engine, _):
        steps: list[int] = []
        assert reencrypt(engine, steps.append) == total(engine) == sum(steps) == 12
    assert WORDS not in stored(database_url)
    with opened(database_url, newer) as (engine, _):
        texts = [Store(engine).complaint(complaint_id)["text"] for complaint_id in kept]
    assert texts == [f"{WORDS}{n}" for n in range(6)]


def test_label_comments_are_encrypted_and_still_cannot_be_replaced(database_url: str) -> None:
    with opened(database_url) as (engine, _):
        complaint_id = keep(engine)
        with engine.begin() as connection:
            connection.execute(text(LABEL), {"id": complaint_id, "comment": WORDS})
    with opened(database_url, KEY) as (engine, _):
        reencrypt(engine)
        with engine.connect() as connection:
            (comment,) = connection.execute(text("SELECT comment FROM label_records")).one()
        assert comment.startswith("suda1:")
        with pytest.raises(Exception, match="append-only"), engine.begin() as connection:
            connection.execute(text("UPDATE label_records SET comment = 'x'"))


LABEL = """
INSERT INTO label_records (complaint_id, head, code, role, who, decided_at, recorded_at, comment,
 via, fingerprint) VALUES (:id, 'mood', 'bad', 'review', '甲', '2026-11-22 00:00:00',
 '2026-11-22 00:00:00', :comment, 'api', 'f')
"""


def test_a_database_file_holds_no_word(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.sqlite3"
    with opened(url, KEY) as (engine, _):
        keep(engine)
    raw = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert WORDS[:3].encode() not in raw


def test_errors_of_the_database_do_not_quote_words(database_url: str) -> None:
    with opened(database_url) as (engine, sessions):
        from sqlalchemy import insert

        from serving.store.tables import ComplaintRow

        with pytest.raises(Exception, match="complaints") as caught, sessions.begin() as session:
            session.execute(insert(ComplaintRow).values(id="1", text=WORDS))
        assert WORDS not in str(caught.value)
        assert engine.hide_parameters
