"""What is chosen to be labelled, why, and with what probability."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="selection needs scikit-learn")

from data.errors import InputError
from data.taxonomy.load import parse
from data.taxonomy.schema import Taxonomy
from eval.sampling import hajek
from serving.triage.policy import load as load_policy
from serving.triage.policy import packs_for
from tests.conftest import two_labels
from tests.training.selection_kit import FixedClassifier, predicted, signals
from training.selection.likeness import Residual, answers, density, vectors
from training.selection.select import AUDIT, RANDOM, Mix, counts_of, select
from training.selection.signals import Candidate, Reader, Signals

MOOD = two_labels()[0]
ONLY_DOUBT = Mix(uncertainty=1, disagreement=0, novelty=0, thin=0, density=0, diversity=0, audit=0)
FOUR = parse(
    b"""
id: four
version: "1"
title: Four labels
heads:
  - name: kind
    kind: flat
    title: K
    labels: [{code: a, name: a}, {code: b, name: b}, {code: c, name: c}, {code: d, name: d}]
""",
    name="four",
)


def ids(pool: list[Signals], mix: Mix, n: int, taxonomy: Taxonomy = MOOD) -> list[str]:
    return [one.id for one in select(pool, taxonomy, n, mix, np.random.default_rng(0))]


def pool_of(n: int) -> list[Signals]:
    """`n` different texts, the later the more doubtful."""
    random = np.random.default_rng(1)
    found = []
    for i in range(n):
        text = "".join(chr(0x4E00 + c) for c in random.integers(0, 500, 20))
        p = 0.5 + 0.5 * (n - i) / n
        found.append(signals(MOOD, f"t{i}", text, (p, 1 - p)))
    return found


def test_the_most_doubtful_come_first() -> None:
    assert ids(pool_of(20), ONLY_DOUBT, 3) == ["t19", "t18", "t17"]


def test_rules_that_contradict_the_model_are_asked_about() -> None:
    pool = pool_of(20)
    pool[0] = replace(pool[0], disagreement=1.0)
    mix = replace(ONLY_DOUBT, disagreement=2.0)
    (first, *_) = select(pool, MOOD, 2, mix, np.random.default_rng(0))
    assert first.id == "t0"
    assert first.why[0] == "disagreement"


def test_the_unfamiliar_are_asked_about_where_the_mix_says_so() -> None:
    pool = pool_of(20)
    pool[4] = replace(pool[4], novelty=0.9)
    first = select(pool, MOOD, 1, replace(ONLY_DOUBT, uncertainty=0, novelty=1), _random())[0]
    assert (first.id, first.why) == ("t4", ("novel",))


def test_labels_with_few_texts_are_preferred() -> None:
    sure = (0.7, 0.1, 0.1, 0.1)
    pool = [signals(FOUR, c, c * 9, np.roll(sure, i).tolist()) for i, c in enumerate("abcd")]
    have = {"kind": Counter(a=900, b=900, c=2, d=900)}
    mix = replace(ONLY_DOUBT, uncertainty=0, thin=1)
    first = select(pool, FOUR, 1, mix, _random(), have)[0]
    assert (first.id, first.why) == ("c", ("thin:kind:c",))
    # Where nobody said what is labelled, no label is thin.
    (unknown, *_) = select(pool, FOUR, 4, replace(mix, uncertainty=1), _random())
    assert not any(why.startswith("thin") for why in unknown.why)


def test_the_same_words_are_not_asked_about_twice() -> None:
    pool = pool_of(20)
    pool += [replace(pool[19], id=f"copy{i}") for i in range(5)]
    mix = replace(ONLY_DOUBT, diversity=1.0)
    chosen = ids(pool, mix, 6)
    assert len({"t19", *(f"copy{i}" for i in range(5))} & set(chosen)) == 1


def test_reasons_name_the_head_in_doubt() -> None:
    first = select(pool_of(20), MOOD, 1, ONLY_DOUBT, _random())[0]
    assert first.why == ("uncertain:mood",)
    assert (first.inclusion_probability, first.weight) == (1.0, 1.0)


def test_the_audit_share_is_random_and_weighted() -> None:
    chosen = select(pool_of(200), MOOD, 50, Mix(), _random())
    audited = [one for one in chosen if one.why == (AUDIT,)]
    assert len(chosen) == len({one.id for one in chosen}) == 50
    assert len(audited) == 5
    # Five of the 155 that no score chose.
    assert {one.inclusion_probability for one in audited} == {5 / 155}
    assert sum(one.weight for one in chosen) == pytest.approx(200)


def test_the_chosen_estimate_the_pool_without_bias() -> None:
    pool = pool_of(120)
    right = {s.id: float(s.prediction.heads["mood"].confidence > 0.62) for s in pool}
    truth = np.mean(list(right.values()))
    estimates, naive = [], []
    for seed in range(80):
        chosen = select(pool, MOOD, 40, Mix(audit=0.25, diversity=0), np.random.default_rng(seed))
        values = [right[one.id] for one in chosen]
        estimates.append(hajek(values, [one.inclusion_probability for one in chosen]).value)
        naive.append(np.mean(values))
    assert np.mean(estimates) == pytest.approx(truth, abs=0.03)
    assert abs(np.mean(naive) - truth) > 0.2


def test_random_alone_draws_all_alike() -> None:
    chosen = select(pool_of(50), MOOD, 10, RANDOM, _random())
    assert {one.inclusion_probability for one in chosen} == {0.2}
    assert {one.why for one in chosen} == {(AUDIT,)}


def test_the_same_seed_chooses_the_same_and_another_audit_differs() -> None:
    def once(seed: int) -> list[str]:
        return [o.id for o in select(pool_of(80), MOOD, 20, Mix(), np.random.default_rng(seed))]

    assert once(1) == once(1)
    assert once(1)[:18] == once(2)[:18]
    assert once(1)[18:] != once(2)[18:]


@pytest.mark.parametrize("n", [1, 2, 7, 8, 100])
def test_a_pool_can_be_used_up(n: int) -> None:
    chosen = select(pool_of(7), MOOD, n, Mix(), _random())
    assert len({one.id for one in chosen}) == len(chosen) == min(n, 7)
    assert all(0 < one.inclusion_probability <= 1 for one in chosen)


def test_wrong_wishes_are_refused() -> None:
    with pytest.raises(InputError, match="budget"):
        select(pool_of(3), MOOD, 0, Mix(), _random())
    with pytest.raises(InputError, match="audit"):
        Mix(audit=1.5)
    with pytest.raises(InputError, match="thin"):
        Mix(thin=-1)


def test_an_empty_pool_gives_nothing() -> None:
    assert select([], MOOD, 5, Mix(), _random()) == []


def test_density_knows_the_odd_one_out() -> None:
    texts = [f"银行卡被盗刷了{i}元怎么办" for i in range(12)] + ["xyzzy quux"]
    found = density(vectors(texts))
    assert found[-1] == found.min()
    assert found[-1] < found[0] / 5
    assert density(vectors(["一个"])).tolist() == [0.0]


def test_what_is_untold_of_a_text_shrinks_as_others_are_shown() -> None:
    predictions = [predicted(MOOD, p) for p in ((0.9, 0.1), (0.9, 0.1), (0.2, 0.8))]
    texts = vectors(["乱扣我的钱", "乱扣我的钱", "态度非常好"])
    residual = Residual(texts, answers(predictions), share=0.5)
    assert residual.untold.tolist() == [1.0, 1.0, 1.0]
    residual.show(0)
    assert residual.untold[0] == 0.0
    assert residual.untold[1] == pytest.approx(0.0, abs=1e-6)
    assert 0.5 < residual.untold[2] < 1.0
    before = residual.untold.copy()
    residual.show(1)
    assert residual.untold == pytest.approx(before)


def test_rules_above_the_model_disagree_as_much_as_it_was_sure(taxonomy: Taxonomy) -> None:
    even = [[1 / len(head.leaves)] * len(head.leaves) for head in taxonomy.heads]
    mild = [0.0] * len(taxonomy["urgency"].leaves)
    mild[-1], mild[-2] = 0.2, 0.8
    answer = predicted(taxonomy, even[0], even[1], mild)
    reader = Reader(load_policy(packs_for(taxonomy), taxonomy), datetime(2026, 11, 1, tzinfo=UTC))
    texts = [
        Candidate("1", "卡里的钱正在被转走，骗子还在转，快拦住"),
        Candidate("2", "请问网点几点关门"),
    ]
    urgent, calm = reader.read(texts, FixedClassifier(taxonomy, answer))
    assert urgent.disagreement > 0.5
    assert calm.disagreement == 0.0
    assert set(urgent.doubt) == {"product", "reason", "urgency"}


def test_a_reader_reads_again_with_another_model() -> None:
    reader = Reader(load_policy(packs_for(MOOD), MOOD), datetime(2026, 11, 1, tzinfo=UTC))
    pool = [Candidate("1", "态度恶劣", {"channel": None, "source": 12})]
    (first,) = reader.read(pool, FixedClassifier(MOOD, predicted(MOOD, (0.9, 0.1))))
    (again,) = reader.read(pool, FixedClassifier(MOOD, predicted(MOOD, (0.4, 0.6))))
    assert first.doubt["mood"] == pytest.approx(0.2)
    assert again.doubt["mood"] == pytest.approx(0.8)


def test_labels_are_counted_by_head() -> None:
    from tests.conftest import mood_texts

    assert counts_of(mood_texts(), MOOD)["mood"]["good"] == len(mood_texts()) / 2


def _random() -> np.random.Generator:
    return np.random.default_rng(0)
