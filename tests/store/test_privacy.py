"""Export, erasure and retention of customers' words."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import orjson
import pytest
from sqlalchemy import text

from data.errors import ConflictError, InputError
from data.records import Complaint
from serving.store import audit, disclosure, privacy
from serving.store.entry import Entry
from serving.store.privacy import Held, Wanted
from serving.store.scrub import scrub
from serving.store.store import Store
from serving.store.tables import Base
from tests.store.security_kit import KEY, NOW, WORDS, keep, opened
from tests.store.test_encrypted import LABEL

PIECES = (WORDS, WORDS[:3], WORDS[3:6], WORDS[6:9])


def erase(sessions: object, held: Held) -> None:
    with sessions.begin() as session:  # type: ignore[attr-defined]
        privacy.erase(session, held, "customer.erased", "asked for", "cli:x", NOW)


def test_one_customer_is_found_by_metadata_or_ids(database_url: str) -> None:
    with opened(database_url) as (engine, sessions):
        mine = keep(engine, customer_id="C7", external_id="E1")
        number = keep(engine, customer_id=7)
        nested = keep(engine, customer={"id": "C7"})
        keep(engine, customer_id="C8")
        with sessions() as session:

            def found(*ids: str, **wanted: str) -> tuple[str, ...]:
                return privacy.find(session, Wanted(**wanted, ids=ids)).complaints

            assert found(field="customer_id", value="C7") == (mine,)
            assert found(field="customer_id", value="7") == (number,)
            assert found(field="customer.id", value="C7") == (nested,)
            assert found(field="it's", value="'; DROP TABLE complaints") == ()
            assert found("E1") == found(mine) == (mine,)
            assert set(found("E1", number)) == {mine, number}
            for nobody in (Wanted(), Wanted(field="customer_id"), Wanted(value="C7")):
                with pytest.raises(InputError):
                    privacy.find(session, nobody)


def test_an_export_has_everything_and_masks_it(database_url: str) -> None:
    said = "我是张三，电话13800138000，钱没了"
    with opened(database_url, KEY) as (engine, sessions):
        complaint_id = keep(engine, words=said, customer_id="C7", phone="13800138000")
        with engine.begin() as connection:
            row = {"id": complaint_id, "comment": "回电13800138000"}
            connection.execute(text(LABEL), row)
        with sessions() as session:
            held = privacy.find(session, Wanted("customer_id", "C7"))
            (masked,) = disclosure.export(session, held)
            (plain,) = disclosure.export(session, held, masked=False)
    assert "13800138000" not in orjson.dumps(masked).decode()
    assert masked["labels"][0]["comment"].startswith("回电")
    assert plain["text"] == said
    assert plain["fields"]["metadata"]["phone"] == "13800138000"
    assert plain["decisions"][0]["labels"]["mood"]["evidence"][0]["text"] == said[:3]
    assert masked["decisions"][0]["labels"]["mood"]["code"] == "bad"


@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "sealed"])
def test_erasing_blanks_words_and_keeps_what_is_counted(database_url: str, key: str | None) -> None:
    with opened(database_url, key) as (engine, sessions):
        mine = keep(engine, customer_id="C7", external_id="E1")
        other = keep(engine, customer_id="C8")
        with engine.begin() as connection:
            connection.execute(text(LABEL), {"id": mine, "comment": f"客户说{WORDS}"})
        with sessions() as session:
            held = privacy.find(session, Wanted("customer_id", "C7"))
        erase(sessions, held)
        store = Store(engine)
        kept = store.complaint(mine)
        assert (kept["text"], kept["metadata"], kept["branch"]) == ("", {}, "城东支行")
        decision = store.decision(mine).decode()
        assert not any(piece in decision for piece in PIECES)
        label = orjson.loads(decision)["labels"]["mood"]
        assert (label["code"], label["evidence"][0]["start"]) == ("bad", 0)
        with engine.connect() as connection:
            assert connection.execute(text("SELECT code, comment FROM label_records")).one() == (
                "bad",
                None,
            )
        assert store.complaint(other)["text"] == WORDS
        with sessions() as session:
            assert audit.verify(session).intact
            (entry,) = audit.entries(session)
            assert entry.action == "customer.erased"
            assert mine in entry.details
            assert not any(piece in entry.details for piece in PIECES)
            # What is erased is not found again.
            assert not len(privacy.find(session, Wanted("customer_id", "C7", ("E1",))))


def test_a_complaint_sent_late_once_more_does_not_bring_the_words_back(database_url: str) -> None:
    with opened(database_url) as (engine, sessions):
        mine = keep(engine, external_id="E1")
        erase(sessions, Held((mine,), ()))
        again = Entry(
            "0" * 26,
            Complaint(WORDS, NOW, external_id="E1", source="phone"),
            "f" * 64,
            f"key-{mine}",
            b"{}",
            {"model": "m", "taxonomy": "t", "policy": "p"},
        )
        with pytest.raises(ConflictError):
            Store(engine).save(again)


def test_texts_labelled_elsewhere_are_erased_too(database_url: str) -> None:
    insert = (
        "INSERT INTO label_texts (id, source, external_id, text, fields, fingerprint, created_at) "
        "VALUES ('T1', 'file', 'E9', :words, '{\"metadata\": {\"customer_id\": \"C7\"}}', 'f', "
        "'2026-01-01 00:00:00')"
    )
    with opened(database_url) as (engine, sessions):
        with engine.begin() as connection:
            connection.execute(text(insert), {"words": WORDS})
        with sessions() as session:
            assert privacy.find(session, Wanted("customer_id", "C7")) == Held((), ("T1",))
            held = privacy.find(session, Wanted(ids=("E9",)))
            (shown,) = disclosure.export(session, held)
            assert shown["text_id"] == "T1"
        erase(sessions, held)
        with engine.connect() as connection:
            assert connection.execute(text("SELECT text FROM label_texts")).scalar() == ""


def test_only_what_has_rested_long_enough_expires(database_url: str) -> None:
    days = privacy.MINIMUM_DAYS
    before = privacy.cutoff(NOW, days)
    old = before - timedelta(days=1)
    with opened(database_url) as (engine, sessions):
        gone = keep(engine, now=old)
        keep(engine, now=before + timedelta(days=1))
        # Said to be old, and known for a short time only.
        keep(engine, received_at=old)
        labelled = keep(engine, now=old)
        with engine.begin() as connection:
            connection.execute(text(LABEL), {"id": labelled, "comment": None})
        with sessions() as session:
            found = privacy.expired(session, before)
            assert found == Held((gone,), ())
            everything = privacy.find(session, Wanted(ids=(gone, labelled)))
            assert privacy.younger(session, everything, before) == Held((labelled,), ())
        erase(sessions, found)
        with sessions() as session:
            assert privacy.expired(session, before) == Held((), ())


def test_three_years_run_from_the_latest_possible_closing() -> None:
    assert NOW - privacy.cutoff(NOW, privacy.MINIMUM_DAYS) == timedelta(days=1096 + 120)
    assert privacy.MINIMUM_DAYS >= 3 * 365 + 1


def test_large_erasures_go_in_parts() -> None:
    held = Held(tuple(f"c{n}" for n in range(450)), tuple(f"t{n}" for n in range(10)))
    pieces = list(privacy.parts(held))
    assert [len(piece) for piece in pieces] == [200, 200, 50, 10]
    assert sum((piece.complaints for piece in pieces), ()) == held.complaints


def test_nothing_readable_is_left_in_the_file(tmp_path: Path) -> None:
    words = "".join(f"西岭路第{n}号网点的理财亏光了，" for n in range(400))
    with opened(f"sqlite:///{tmp_path}/s.sqlite3") as (engine, sessions):
        mine = keep(engine, words=words)
        keep(engine, words="别人的话")
        erase(sessions, Held((mine,), ()))
        scrub(engine)
        raw = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert "西岭路".encode() not in raw
        assert "别人的话".encode() in raw


def test_scrubbing_works_on_any_database(database_url: str) -> None:
    with opened(database_url) as (engine, sessions):
        erase(sessions, Held((keep(engine),), ()))
        scrub(engine)


def test_every_table_that_hangs_on_a_complaint_is_thought_of() -> None:
    """A table added later must be blanked too, in serving.store.privacy."""
    holders = {"complaints", "label_texts"}
    hanging = {
        table.name
        for table in Base.metadata.tables.values()
        if table.name in holders
        or any(key.column.table.name in holders for key in table.foreign_keys)
    }
    assert hanging == privacy.BLANKED | privacy.WORDLESS
