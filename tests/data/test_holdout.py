from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from data.errors import InputError
from data.holdout import LifeShares, load_life, place
from data.labelled import LabelledText
from tests.conftest import three_trees

HEAD = three_trees()[0]["where"]
LIFE = LifeShares(head="where", shares={"N": 75, "S": 25})
# Uneven on purpose: most texts are about the south, life is mostly about the north.
SIZES = {"N1": 100, "N2": 60, "S1": 300, "S2": 40}


def texts(**meta: str) -> list[LabelledText]:
    return [
        LabelledText(f"{leaf}-{i}", "x", {"where": leaf}, meta=meta)
        for leaf, n in SIZES.items()
        for i in range(n)
    ]


def test_every_leaf_is_trained_tuned_and_tested_on() -> None:
    places = place(texts(), HEAD, LIFE)
    for leaf, n in SIZES.items():
        count = Counter(p.split for id_, p in places.items() if id_.startswith(leaf))
        assert count["test"] == pytest.approx(0.18 * n, abs=1)
        assert count["dev"] == pytest.approx(0.12 * n, abs=1)


def test_views_are_drawn_from_the_test_split() -> None:
    places = place(texts(), HEAD, LIFE)
    assert all(p.split == "test" for p in places.values() if p.views)
    life = Counter(id_[0] for id_, p in places.items() if "life" in p.views)
    assert life["N"] / life.total() == pytest.approx(0.75, abs=0.03)
    balanced = Counter(id_[:2] for id_, p in places.items() if "balanced" in p.views)
    assert set(balanced.values()) <= {7, 8}


def test_events_stay_together_and_written_splits_hold() -> None:
    group = [LabelledText(f"g{i}", "x", {"where": "N1"}, meta={"group": "g"}) for i in range(5)]
    written = [LabelledText(f"w{i}", "x", {"where": "S1"}, meta={"split": "dev"}) for i in range(3)]
    places = place([*texts(), *group, *written], HEAD, LIFE)
    assert len({places[item.id].split for item in group}) == 1
    assert {places[item.id].split for item in written} == {"dev"}


def test_adding_texts_moves_none_whose_split_is_written() -> None:
    first = place(texts(), HEAD, LIFE)
    kept = [
        LabelledText(t.id, t.text, t.labels, meta={"split": first[t.id].split}) for t in texts()
    ]
    more = [LabelledText(f"n{i}", "x", {"where": "N2"}) for i in range(100)]
    second = place([*kept, *more], HEAD, LIFE)
    assert all(second[id_].split == p.split for id_, p in first.items())
    count = Counter(p.split for id_, p in second.items() if id_.startswith(("N2", "n")))
    assert count["test"] == pytest.approx(0.18 * 160, abs=1)


def test_shares_that_are_none_are_named(tmp_path: Path) -> None:
    path = tmp_path / "life.yaml"
    path.write_text("head: where\nshares: {N: much}\n")
    with pytest.raises(InputError, match=r"shares\.N"):
        load_life(path)
