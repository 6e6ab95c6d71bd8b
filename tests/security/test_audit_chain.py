"""The chain as pure functions: what it binds, what it refuses, what it notices."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import FileFormatError, InputError
from serving.security.audit import (
    GENESIS,
    Anchor,
    Link,
    Record,
    anchor_of,
    chain,
    link_of,
    to_json,
    verify,
)

NOW = datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC)
START = Anchor(0, GENESIS)
FIELDS = tuple(Link.__dataclass_fields__)


def some(count: int = 6) -> list[Link]:
    records = [
        Record(f"key:{n}", "decision.recorded", f"complaint:{n}", {"model": "甲", "n": n})
        for n in range(count)
    ]
    return chain(records, START, NOW)


def changed(link: Link, field: str, value: Any) -> Link:
    return replace(link, **{field: value})


def flipped(value: object, bit: int) -> object:
    """`value` with one bit changed, as a disk or an editor would."""
    if isinstance(value, int):
        return value ^ (1 << bit % 40)
    raw = bytearray(str(value).encode())
    raw[bit // 8 % len(raw)] ^= 1 << bit % 8
    return raw.decode("utf-8", "surrogateescape")


def test_an_honest_chain_is_intact() -> None:
    verdict = verify(some())
    assert verdict.intact
    assert (verdict.checked, verdict.head.seq) == (6, 6)
    assert verify([]).intact


def test_the_hash_is_what_is_documented() -> None:
    import hashlib
    import json

    (first, *_) = some(1)
    body = [1, "2026-11-22T01:02:03.000000+00:00", "key:0", "decision.recorded", "complaint:0"]
    raw = json.dumps([*body, '{"model":"甲","n":0}'], ensure_ascii=False, separators=(",", ":"))
    assert first.hash == hashlib.sha256(f"{GENESIS}\n{raw}".encode()).hexdigest()


@settings(max_examples=400)
@given(st.integers(0, 5), st.sampled_from(FIELDS), st.integers(0, 4000))
def test_any_changed_bit_is_noticed(row: int, field: str, bit: int) -> None:
    links = some()
    before = getattr(links[row], field)
    after = flipped(before, bit)
    assert after != before
    links[row] = changed(links[row], field, after)
    assert not verify(links).intact


@pytest.mark.parametrize("field", FIELDS[1:])
@pytest.mark.parametrize("value", [None, b"x", 1.5, "", [1], "\udc80"])
def test_values_of_another_kind_are_noticed_and_nothing_raises(field: str, value: object) -> None:
    links = some()
    links[-1] = changed(links[-1], field, value)
    assert not verify(links).intact


@pytest.mark.parametrize("gone", range(5))
def test_an_entry_cut_out_of_the_middle_is_noticed(gone: int) -> None:
    links = some()
    del links[gone]
    assert any("missing" in fault.why for fault in verify(links).breaks)


def test_swapped_and_repeated_entries_are_noticed() -> None:
    links = some()
    assert not verify([links[1], links[0], *links[2:]]).intact
    assert not verify([*links, links[-1]]).intact


def test_a_cut_tail_is_noticed_against_an_anchor_only() -> None:
    links = some()
    anchor = Anchor(links[-1].seq, links[-1].hash)
    assert verify(links[:-1]).intact
    (fault,) = verify(links[:-1], [anchor]).breaks
    assert "ends at 5" in fault.why


def test_a_chain_written_anew_is_noticed_against_an_anchor_only() -> None:
    old = some()
    anchor = Anchor(old[3].seq, old[3].hash)
    anew = chain([Record("key:x", "key.revoked", "key:y")] * 6, START, NOW)
    assert verify(anew).intact
    assert [fault.seq for fault in verify(anew, [anchor]).breaks] == [4]


def test_checking_can_start_at_an_anchor() -> None:
    links = some()
    start = Anchor(links[2].seq, links[2].hash)
    verdict = verify(links[3:], [start], start)
    assert verdict.intact
    assert verdict.checked == 3
    assert not verify(links[3:], (), Anchor(3, GENESIS)).intact


def test_fields_cannot_flow_into_each_other() -> None:
    one = chain([Record("a", "b.c", "d")], START, NOW)[0]
    two = chain([Record("a", "b.c", 'd","x')], START, NOW)[0]
    assert one.hash != two.hash


@pytest.mark.parametrize(
    ("record", "field"),
    [
        (Record("", "a.b", "s"), "actor"),
        (Record("a" * 129, "a.b", "s"), "actor"),
        (Record("a", "Not an action", "s"), "action"),
        (Record("a", "a.b", "s" * 129), "subject"),
        (Record("a", "a.b", "s", {"text": "长" * 501}), "details.text"),
        (Record("a", "a.b", "s", {"deep": [{"text": "长" * 501}]}), "details.deep.text"),
        (Record("a", "a.b", "s", {"x": object()}), "details.x"),
    ],
)
def test_what_does_not_belong_into_a_record_is_refused(record: Record, field: str) -> None:
    with pytest.raises(InputError) as caught:
        chain([record], START, NOW)
    assert caught.value.field == field


def test_lines_are_read_back() -> None:
    link = some(1)[0]
    assert link_of(to_json(link)) == link
    assert anchor_of(to_json(Anchor(link.seq, link.hash))) == Anchor(1, link.hash)
    assert asdict(anchor_of(b'{"seq": 1, "hash": "h", "at": "x"}')) == {"seq": 1, "hash": "h"}
    for broken in (b"{", b"[]", b'{"seq": "x"}', b"1"):
        with pytest.raises(FileFormatError):
            anchor_of(broken)
        with pytest.raises(FileFormatError):
            link_of(broken)
