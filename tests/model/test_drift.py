"""Drift: sizes that do not grow with the sample, and say what moved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import pytest

from data.errors import InputError
from data.quality.divergence import jensen_shannon, psi, psi_by_chance
from model.drift import Bands, drift, worst
from model.profile import OTHER, Profile, Seen, profile, profile_like, see
from model.runtime import load
from tests.conftest import mood_texts

CODES = [f"c{i}" for i in range(40)]


def seen(n: int, seed: int, *, length: float = 100.0, favour: float = 0.0) -> Seen:
    """`n` texts over 40 labels; `favour` of them carry the first one besides its share."""
    random = np.random.default_rng(seed)
    labels = [CODES[0] if random.random() < favour else str(random.choice(CODES)) for _ in range(n)]
    return Seen("m", {"label:topic": labels}, {"length": random.normal(length, 30, n)})


def test_two_samples_of_the_same_texts_have_not_drifted() -> None:
    for seed in range(20):
        before = profile(seen(900, seed))
        now = profile_like(seen(300, 100 + seed), before)
        assert {f.band for f in drift(before, now)} == {"small"}, seed


def test_chance_alone_gives_many_labels_a_high_plain_figure() -> None:
    random = np.random.default_rng(3)
    shares = np.full(74, 1 / 74)
    pairs = [(random.multinomial(500, shares), random.multinomial(250, shares)) for _ in range(200)]
    plain = [psi(a.astype(float), b.astype(float)) for a, b in pairs]
    foretold = [psi_by_chance(a.astype(float), b.astype(float)) for a, b in pairs]
    assert np.mean(plain) > 0.25
    assert np.mean(foretold) == pytest.approx(np.mean(plain), rel=0.2)


def test_a_shift_is_named_and_sized() -> None:
    before = profile(seen(900, 1))
    features = drift(before, profile_like(seen(600, 2, favour=0.3), before))
    first = features[0]
    assert (first.feature, first.band) == ("label:topic", "large")
    assert first.shifts[0].name == "c0"
    assert first.shifts[0].now - first.shifts[0].before == pytest.approx(0.3, abs=0.06)
    assert "label:topic" in first.sentence()
    assert "c0" in first.sentence()
    assert features[1].band == "small"
    assert worst(features) == "large"


def test_the_size_does_not_grow_with_the_sample() -> None:
    before = profile(seen(4000, 1))

    def size(n: int) -> float:
        windows = [profile_like(seen(n, seed, length=110), before) for seed in range(10, 18)]
        found = [f.psi for w in windows for f in drift(before, w) if f.feature == "length"]
        return float(np.mean(found))

    small, large = size(300), size(3000)
    assert small == pytest.approx(large, abs=0.05)
    assert Bands().medium < large < Bands().large


def test_too_few_texts_are_called_nothing() -> None:
    before = profile(seen(900, 1))
    few = drift(before, profile_like(seen(199, 2, favour=0.9), before))
    assert {f.band for f in few} == {"too_few"}
    assert worst(few) == "too_few"


def test_labels_that_were_rare_or_unknown_are_counted_together() -> None:
    before = profile(Seen("m", {"label:x": ["a"] * 199 + ["b"]}, {"length": np.ones(200)}))
    assert before.features["label:x"].names == ("a", OTHER)
    now = profile_like(Seen("m", {"label:x": ["new"] * 7}, {"length": np.ones(7)}), before)
    assert now.features["label:x"].counts == (0, 7)


def test_a_number_that_never_varied_has_a_bin_of_its_own() -> None:
    before = profile(Seen("m", {}, {"length": np.ones(300)}))
    for moved in (np.zeros(300), np.full(300, 1.1)):
        (feature,) = drift(before, profile_like(Seen("m", {}, {"length": moved}), before))
        assert feature.band == "large"
        assert "= 1" in {shift.name for shift in feature.shifts}


def test_profiles_survive_a_file_and_are_of_one_model() -> None:
    before = profile(seen(300, 1))
    again = Profile.from_json(orjson.loads(orjson.dumps(before.as_json())))
    assert again == before
    with pytest.raises(InputError, match="reference"):
        drift(again, Profile("other", 300, before.features))


def test_what_a_model_sees(mood_bundle: Path) -> None:
    model = load(mood_bundle)
    found = see([t.text for t in mood_texts()[:40]], model)
    assert found.n == 40
    assert set(found.labels) == {"label:mood"}
    assert {"confidence:mood", "length", "unknown_rate"} <= set(found.numbers)


def test_divergences_of_the_same_and_of_nothing_shared() -> None:
    a, b = np.array([50.0, 50.0, 0.0]), np.array([0.0, 0.0, 70.0])
    assert jensen_shannon(a, a) == 0.0
    assert jensen_shannon(a, b) == pytest.approx(1.0)
    assert psi(a, a * 3) < 0.01
    # By hand: shares 0.6/0.4 against 0.4/0.6 give 2 · 0.2 · ln 1.5.
    assert psi(np.array([6e6, 4e6]), np.array([4e6, 6e6])) == pytest.approx(0.4 * np.log(1.5))
