"""Many entries in one transaction: each judged on its own, all durable or answered with why not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.orm import Session

from data.errors import ConflictError, NotFoundError, StoreDownError
from serving.store.earlier import Standing, standing
from serving.store.entry import Entry, Saved
from serving.store.store import Store
from serving.store.tables import ComplaintRow, DecisionRow, IdempotencyRow
from tests.store.kit import count, entry

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def commits(store: Store) -> Callable[[], int]:
    """How many transactions were committed since."""
    seen: list[None] = []
    event.listen(store.engine, "commit", lambda _: seen.append(None))
    return lambda: len(seen)


def test_a_group_is_one_transaction(store: Store) -> None:
    committed = commits(store)
    entries = [entry(f"第{i}件", external_id=str(i), key=f"k{i}") for i in range(50)]
    assert store.save_group(entries) == [Saved(e.body, replayed=False) for e in entries]
    assert committed() == 1
    assert [count(store, t) for t in (ComplaintRow, DecisionRow, IdempotencyRow)] == [50] * 3
    assert all(store.decision(e.complaint_id) == e.body for e in entries)


def test_what_was_saved_comes_back_whole(store: Store) -> None:
    one = entry(
        "😀 态度\ufffd恶劣", external_id="7", source="phone", branch="城东", metadata={"a": [1]}
    )
    store.save(one)
    kept = store.complaint(one.complaint_id)
    assert kept["text"] == "😀 态度\ufffd恶劣"
    assert (kept["source"], kept["external_id"], kept["branch"]) == ("phone", "7", "城东")
    assert kept["metadata"] == {"a": [1]}
    with pytest.raises(NotFoundError):
        store.complaint("none")
    with pytest.raises(NotFoundError):
        store.decision("none")


@pytest.mark.parametrize("identity", [{"external_id": "1", "source": "app"}, {"key": "k"}])
def test_a_replay_gets_the_first_answer(store: Store, identity: dict[str, str]) -> None:
    first = entry(**identity)
    assert store.find_earlier(first) is None
    store.save(first)
    assert store.save(entry(**identity)) == Saved(first.body, replayed=True)
    assert store.find_earlier(entry(**identity)) == first.body
    assert count(store, ComplaintRow) == 1


@pytest.mark.parametrize("identity", [{"external_id": "1", "source": "app"}, {"key": "k"}])
def test_a_replay_within_the_group_gets_the_first_answer(
    store: Store, identity: dict[str, str]
) -> None:
    group = [entry("别的"), entry(**identity), entry(**identity), entry(**identity)]
    results = store.save_group(group)
    assert results[1] == Saved(group[1].body, replayed=False)
    assert results[2] == results[3] == Saved(group[1].body, replayed=True)
    assert count(store, ComplaintRow) == 2


@pytest.mark.parametrize(
    ("identity", "field"),
    [({"external_id": "1"}, "external_id"), ({"key": "k"}, "Idempotency-Key")],
)
def test_a_conflict_harms_no_other(store: Store, identity: dict[str, str], field: str) -> None:
    """Once against what stands already, once within the group itself."""
    for round_ in range(2):
        group = [
            entry("一", external_id=f"a{round_}"),
            entry("二", **identity),
            entry("三", fingerprint="another", **identity),
            entry("四", external_id=f"b{round_}"),
        ]
        results = store.save_group(group)
        assert isinstance(results[2], ConflictError)
        assert results[2].field == field
        assert [isinstance(r, Saved) for r in results] == [True, True, False, True]
    assert count(store, ComplaintRow) == 5
    with pytest.raises(ConflictError):
        store.save(entry("五", fingerprint="a third", **identity))


def test_the_same_id_from_two_sources_is_two_complaints(store: Store) -> None:
    group = [entry(external_id="1", source=s) for s in ("app", "web")] + [entry(external_id="1")]
    assert [r.replayed for r in store.save_group(group) if isinstance(r, Saved)] == [False] * 3


def test_a_race_lost_to_another_process_is_a_replay(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process saves the same between our look and our insert."""
    winner, others = entry(external_id="1"), [entry("一"), entry("二")]
    look = standing
    late = [True]

    def look_and_lose(connection: Connection, entries: Sequence[Entry]) -> object:
        if late and late.pop():
            Store(store.engine).save(winner)
            return Standing()
        return look(connection, entries)

    monkeypatch.setattr("serving.store.group.standing", look_and_lose)
    results = store.save_group([others[0], entry(external_id="1"), others[1]])
    assert results[1] == Saved(winner.body, replayed=True)
    assert [isinstance(r, Saved) for r in results] == [True] * 3
    assert count(store, ComplaintRow) == 3


def test_an_entry_the_database_refuses_is_alone_in_it(store: Store) -> None:
    """A version longer than its column (PostgreSQL) or none at all (both) is refused."""
    bad = entry("坏", external_id="bad")
    broken = Entry(
        bad.complaint_id,
        bad.complaint,
        "f",
        None,
        bad.body,
        {**bad.versions, "model": None},  # type: ignore[dict-item]
    )
    group = [entry(f"第{i}件") for i in range(9)]
    group.insert(4, broken)
    results = store.save_group(group)
    assert [isinstance(r, Saved) for r in results] == [i != 4 for i in range(10)]
    assert count(store, ComplaintRow) == 9


def note(word: str) -> Callable[[Session], None]:
    def attach(session: Session) -> None:
        session.execute(text("INSERT INTO notes VALUES (:word)"), {"word": word})

    return attach


def fails(_: Session) -> None:
    raise LookupError("no such department")


def notes(store: Store) -> list[str]:
    with store.session() as session:
        return sorted(session.scalars(text("SELECT word FROM notes")))


def test_attachments_are_written_with_their_entry_or_not_at_all(store: Store) -> None:
    with store.session.begin() as session:
        session.execute(text("CREATE TABLE notes (word VARCHAR(10))"))
    kept = entry("一", key="k", attachments=(note("a"), note("b")))
    lost = entry("二", external_id="2", attachments=(note("c"), fails))
    again = entry("一", key="k", attachments=(note("d"),))
    results = store.save_group([kept, lost, again])
    assert results[0] == Saved(kept.body, replayed=False)
    assert isinstance(results[1], LookupError)
    assert results[2] == Saved(kept.body, replayed=True)
    assert notes(store) == ["a", "b"]
    assert count(store, ComplaintRow) == 1


def test_a_hook_sees_each_new_entry_once(store: Store) -> None:
    groups: list[list[str]] = []
    store.attach(lambda _, entries: groups.append([e.complaint_id for e in entries]))
    first, second = entry("一", key="k"), entry("二")
    store.save_group([first, second, entry("一", key="k")])
    store.save_group([entry("一", key="k")])
    assert groups == [[first.complaint_id, second.complaint_id]]


def test_a_hook_that_fails_keeps_the_group_out(store: Store) -> None:
    def full(_: Session, __: Sequence[Entry]) -> None:
        raise OSError("disk full")

    store.attach(full)
    assert all(isinstance(r, OSError) for r in store.save_group([entry("一"), entry("二")]))
    assert count(store, ComplaintRow) == 0


def test_what_an_attachment_leaves_to_be_flushed_is_in_the_same_transaction(store: Store) -> None:
    first = entry("一", key="k")
    store.save(first)

    def taken(session: Session) -> None:
        session.add(
            IdempotencyRow(
                key="k", fingerprint="f", complaint_id=first.complaint_id, created_at=NOW
            )
        )

    (result,) = store.save_group([replace(entry("二"), attachments=(taken,))])
    assert isinstance(result, Exception)
    assert count(store, ComplaintRow) == 1


def test_an_empty_group_is_nothing(store: Store) -> None:
    committed = commits(store)
    assert store.save_group([]) == []
    assert committed() == 0


def test_without_its_table_the_store_is_down_not_broken(store: Store) -> None:
    with store.session.begin() as session:
        session.execute(text("ALTER TABLE decisions RENAME TO elsewhere"))
    results = store.save_group([entry("一"), entry("二")])
    assert not any(isinstance(r, Saved) for r in results)
    if store.engine.dialect.name == "sqlite":
        assert all(isinstance(r, StoreDownError) for r in results)
    with store.session.begin() as session:
        session.execute(text("ALTER TABLE elsewhere RENAME TO decisions"))
    assert isinstance(store.save_group([entry("一")])[0], Saved)
