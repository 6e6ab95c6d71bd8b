"""Files become jobs, or leave nothing behind."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from data.errors import (
    ConflictError,
    FileFormatError,
    InputError,
    OverloadedError,
    SudaError,
    TooLargeError,
)
from serving.jobs.load import Incoming
from serving.jobs.options import JobOptions
from serving.store import audit, job_removal, jobs
from serving.store.jobs import Wish
from serving.store.rows.jobs import JobItemRow, JobRow
from tests.jobs.kit import NOW, Plant, sealed, table


def rows_in(plant: Plant) -> tuple[int, int]:
    with plant.sessions() as session:
        counts = (select(func.count()).select_from(t) for t in (JobRow, JobItemRow))
        found = [session.scalar(count) or 0 for count in counts]
    return found[0], found[1]


def test_every_row_is_there_before_the_answer(plant: Plant) -> None:
    job = plant.load(table(1_203))
    assert (job.state, job.total, job.failed) == ("queued", 1_203, 0)
    assert rows_in(plant) == (1, 1_203)
    with plant.sessions() as session:
        (link,) = audit.entries(session)
    assert (link.actor, link.action, link.subject) == ("key:a", "job.created", f"job:{job.id}")
    assert job.digest in link.details


def test_bad_rows_are_known_from_the_start(plant: Plant) -> None:
    job = plant.load("text,source\n没人理我,app\n,app\n乱扣我钱,app,x\n")
    assert (job.total, job.failed) == (3, 2)
    assert [(r.line, r.state) for r in plant.results(job.id)] == [(3, "failed"), (4, "failed")]


@pytest.mark.parametrize(
    ("content", "suffix", "error", "said"),
    [
        ("", ".csv", FileFormatError, "is empty"),
        ("text\n", ".csv", InputError, "expected rows"),
        ("\n\n", ".jsonl", InputError, "expected rows"),
        ("words\n没人理我\n", ".csv", InputError, r"columns\.text: the first line has 1 columns"),
        ('{"words": "x"}\n' * 600, ".jsonl", InputError, r"columns\.text: all rows together"),
        ("text\n" + "没人理我\n" * 10_001, ".csv", TooLargeError, "at most 10000 rows"),
        ('text\n"' + "x" * 10_000_001, ".csv", TooLargeError, "expected at most"),
    ],
)
def test_a_file_that_is_refused_leaves_nothing(
    lone: Plant, content: str, suffix: str, error: type[SudaError], said: str
) -> None:
    with pytest.raises(error, match=said):
        lone.load(content, suffix)
    assert rows_in(lone) == (0, 0)


def test_a_file_in_no_encoding_is_refused(lone: Plant) -> None:
    incoming = Incoming(sealed(b"text\n\x81\xff\xff\n"), ".csv", "x", JobOptions(), "key:a")
    with pytest.raises(FileFormatError, match="neither UTF-8 nor GBK"):
        lone.loader().load(incoming)


def test_gbk_is_read(lone: Plant) -> None:
    incoming = Incoming(
        sealed("投诉内容\n信用卡莫名其妙被扣年费，要求退还\n".encode("gbk")),
        ".csv",
        "x",
        JobOptions(columns={"text": "投诉内容"}),
        "key:a",
    )
    job, _ = lone.loader().load(incoming)
    with lone.sessions() as session:
        (row,) = session.scalars(select(JobItemRow).where(JobItemRow.job_id == job.id))
        assert row.text.startswith("信用卡")


def test_a_key_makes_one_job(plant: Plant) -> None:
    first = plant.load(table(3), key="k")
    assert plant.load(table(3), key="k").id == first.id
    with pytest.raises(ConflictError, match="Idempotency-Key"):
        plant.load(table(4), key="k")
    assert rows_in(plant) == (1, 3)


def test_no_more_than_so_many_are_unfinished(plant: Plant) -> None:
    incoming = [Incoming(sealed(b"text\nx\n"), ".csv", "x", JobOptions(), "key:a") for _ in "123"]
    loader = plant.loader(max_open=1)
    job, _ = loader.load(incoming[0])
    with pytest.raises(OverloadedError, match="1 jobs are unfinished"):
        loader.load(incoming[1])
    with plant.sessions.begin() as session:
        jobs.turn(session, job.id, "cancelled", "key:a", NOW)
    assert loader.load(incoming[2])[0].state == "queued"


def test_what_was_never_read_to_its_end_is_swept_away(plant: Plant) -> None:
    with plant.sessions.begin() as session:
        wish = Wish("x", "key:a", "d", {})
        half = jobs.begin(session, wish, NOW + timedelta(minutes=1), 9, NOW)
        assert jobs.listed(session) == []
        assert not jobs.running(session)
    long_ago = NOW - timedelta(days=30)
    assert job_removal.sweep(plant.sessions, long_ago, NOW) == 0
    assert job_removal.sweep(plant.sessions, long_ago, NOW + timedelta(minutes=2)) == 1
    assert rows_in(plant) == (0, 0)
    with pytest.raises(SudaError, match="no such job"), plant.sessions.begin() as session:
        jobs.extend(session, half, NOW)
