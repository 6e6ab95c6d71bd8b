"""All phases of the load in small: whatever was sent is accounted for."""

from __future__ import annotations

from pathlib import Path

from benchmarks import load


def test_every_request_is_accounted_for_and_every_accepted_one_is_kept(
    mood_bundle: Path, texts: Path
) -> None:
    found = load.run(load.Lengths.quick(), bundle=mood_bundle, texts=texts, callers=4)
    accounts = found["accounts"]
    assert accounts["sent"] == accounts["accepted"] + accounts["refused"] + accounts["failed"]
    assert accounts["failed"] == 0
    assert accounts["kept"] == accounts["accepted"] > 0
    assert accounts["amiss"] == {}
    (steady,) = found["steady"]["rounds"]
    for part in (steady, found["overload"]):
        assert part["accepted_ms"]["count"] == part["accepted"]
        assert part["sent"] == sum(part["statuses"].values())
    assert found["steady"]["accepted_ms"] == steady["accepted_ms"]
    assert found["overload"]["rate"] > steady["rate"]
    assert load.table(found).row_count >= 8
