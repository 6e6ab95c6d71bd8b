"""Customers' words in jobs: encrypted, found, given out, erased."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from sqlalchemy import text

from serving.pipeline import Pipeline
from serving.security.encryption import TextKeyError, new_key
from serving.store import disclosure, privacy
from serving.store.privacy import Held, Wanted
from serving.store.reencrypt import reencrypt
from tests.jobs.kit import NOW, Plant, planted, sealed
from tests.store.security_kit import KEY

WORDS = "冯玉兰老太太没人理我"
FILE = f"external_id,source,客户,text\n7,app,C7,{WORDS}\n8,app,C8,乱扣我钱\n"
COLUMNS = {"metadata.customer_id": "客户"}


def load(plant: Plant, **options: Any) -> str:
    return plant.load(FILE, columns=COLUMNS, **options).id


def everything(plant: Plant) -> str:
    """All that the tables of jobs hold, as stored."""
    with plant.store.engine.connect() as connection:
        rows = [*connection.execute(text("SELECT * FROM job_items")).all()]
        rows += connection.execute(text("SELECT * FROM jobs")).all()
    return " ".join(
        bytes(v).decode("utf-8", "ignore") if isinstance(v, bytes | memoryview) else str(v)
        for row in rows
        for v in row
    )


@pytest.mark.parametrize("saving", ["complaints", "dry_run"])
def test_words_are_encrypted_where_a_key_is_set(
    database_url: str, pipeline: Pipeline, saving: str
) -> None:
    with planted(database_url, pipeline, KEY) as plant:
        job_id = load(plant, saving=saving, name=WORDS)
        assert plant.runner().turn()
        assert plant.job(job_id).name == WORDS
        assert [orjson.loads(r.body or b"")["labels"] for r in plant.results(job_id)]
        for piece in (WORDS, WORDS[:3], "没人理我"):
            assert piece not in everything(plant)


def test_keys_are_changed_under_a_job_that_waits(database_url: str, pipeline: Pipeline) -> None:
    newer = new_key()
    with planted(database_url, pipeline, KEY) as plant:
        job_id = load(plant)
    with planted(database_url, pipeline, f"{newer},{KEY}") as plant:
        reencrypt(plant.store.engine)
    with planted(database_url, pipeline, newer) as plant:
        assert plant.runner().turn()
        assert plant.job(job_id).done == 2


def test_a_job_that_cannot_be_read_says_which_key_is_missing(
    database_url: str, pipeline: Pipeline
) -> None:
    with planted(database_url, pipeline, KEY) as plant:
        job_id = load(plant, name="x")
    with planted(database_url, pipeline, new_key()) as plant:
        assert plant.runner().turn()
        with plant.store.engine.connect() as connection:
            state, said = connection.execute(text("SELECT state, message FROM jobs")).one()
    assert state == "failed"
    assert "SUDA_TEXT_KEY" in said
    with planted(database_url, pipeline, KEY) as plant:
        from serving.store import jobs

        with plant.sessions.begin() as session:
            jobs.turn(session, job_id, "queued", "key:a", NOW)
        assert plant.runner().turn()
        assert plant.job(job_id).done == 2


def held_by(plant: Plant, **wanted: Any) -> Held:
    with plant.sessions() as session:
        return privacy.find(session, Wanted(**wanted))


def erase(plant: Plant, held: Held) -> None:
    for part in privacy.parts(held):
        with plant.sessions.begin() as session:
            privacy.erase(session, part, "customer.erased", "asked for", "cli:x", NOW)


def test_a_customer_is_found_and_erased_before_the_row_is_decided(plant: Plant) -> None:
    job_id = load(plant)
    held = held_by(plant, field="customer_id", value="C7")
    assert held == Held((), (), (f"{job_id}-1",)) == held_by(plant, ids=("7",))
    with plant.sessions() as session:
        (shown,) = disclosure.export(session, held, masked=False)
    assert (shown["job_row"], shown["text"]) == (f"{job_id}-1", WORDS)
    erase(plant, held)
    assert WORDS not in everything(plant)
    assert not held_by(plant, ids=("7",))
    assert plant.runner().turn()
    first, second = plant.results(job_id)
    assert "erased" in str(first.problem)
    assert second.body is not None
    with plant.sessions() as session:
        from serving.store.rows.jobs import JobItemRow

        assert session.get_one(JobItemRow, f"{job_id}-1").complaint_id is None


@pytest.mark.parametrize("saving", ["complaints", "dry_run"])
def test_a_decided_row_is_erased_too(plant: Plant, saving: str) -> None:
    job_id = load(plant, saving=saving)
    plant.runner().turn()
    held = held_by(plant, field="customer_id", value="C7")
    assert len(held.complaints) == (saving == "complaints")
    assert held.rows == (f"{job_id}-1",)
    # Found by either, both are blanked.
    erase(plant, Held(held.complaints, ()) if held.complaints else held)
    assert WORDS not in everything(plant)
    first, second = plant.results(job_id)
    assert not any(piece in str(first.body) for piece in ("没人理我", "冯玉兰"))
    assert second.body is not None
    assert plant.job(job_id).done == 2


def test_a_file_under_way_is_never_on_the_disk_in_the_open() -> None:
    file = sealed(FILE.encode())
    file._file.seek(0)
    assert WORDS.encode() not in file._file.read()


def test_errors_do_not_come_out_with_personal_data(plant: Plant) -> None:
    from serving.jobs import results

    job_id = plant.load("text,received_at\n没人理我,13800138000\n").id
    with plant.sessions() as session:
        from serving.store import job_items

        (failed,) = job_items.errors(session, job_id, 0, 9)
    assert "13800138000" not in str(results.entry(failed, masked=True))


def test_without_its_key_a_name_is_not_shown(database_url: str, pipeline: Pipeline) -> None:
    with planted(database_url, pipeline, KEY) as plant:
        job_id = load(plant, name="x")
    with planted(database_url, pipeline) as plant, pytest.raises(TextKeyError):
        plant.job(job_id)
