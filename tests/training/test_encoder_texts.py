from __future__ import annotations

import random

import pytest

torch = pytest.importorskip("torch", reason="the encoder needs suda[train]")

from data.errors import InputError  # noqa: E402
from training.encoder.config import BatchConfig, NoiseShare  # noqa: E402
from training.encoder.texts import (  # noqa: E402
    Epochs,
    Ids,
    collate,
    noise_of,
    plan,
    two_ends,
)


def dice() -> random.Random:
    return random.Random(0)  # noqa: S311


def by_character(texts: list[str]) -> list[Ids]:
    return [tuple(map(ord, text)) for text in texts]


def epochs(texts: list[str], seed: int = 1, noise_share: float = 0.0) -> Epochs:
    return Epochs(
        texts,
        by_character,  # type: ignore[arg-type]
        BatchConfig(texts=4, tokens=64),
        pad=0,
        seed=seed,
        noise=lambda text, draw: text + draw.choice("xyz"),
        noise_share=noise_share,
    )


def rows(data: Epochs, epoch: int) -> list[list[int]]:
    return [make().rows.tolist() for make in data.batches(epoch)]


TEXTS = ["a" * (1 + i % 9) for i in range(50)]


def test_long_texts_keep_both_ends() -> None:
    assert two_ends(tuple(range(10)), 5) == (0, 1, 2, 8, 9)
    assert two_ends((1, 2, 3), 3) == (1, 2, 3)


def test_batches_hold_every_text_once_within_the_limits() -> None:
    draw = dice()
    lengths = [min(256, int(draw.lognormvariate(4.4, 0.7)) + 3) for _ in range(2000)]
    config = BatchConfig(texts=32, tokens=2048)
    batches = plan(lengths, config, dice())
    assert sorted(row for batch in batches for row in batch) == list(range(2000))
    widths = [len(batch) * max(lengths[row] for row in batch) for batch in batches]
    assert max(widths) <= 2048
    assert max(map(len, batches)) <= 32
    assert 1 - sum(lengths) / sum(widths) < 0.10


def test_a_text_over_the_budget_travels_alone() -> None:
    assert plan([100, 100], BatchConfig(texts=8, tokens=50), dice()) in (
        [[0], [1]],
        [[1], [0]],
    )


def test_collate_pads_to_the_longest() -> None:
    batch = collate([(5, 6, 7), (8,)], [1, 0], pad=9)
    assert batch.ids.tolist() == [[8, 9, 9], [5, 6, 7]]
    assert batch.mask.tolist() == [[1, 0, 0], [1, 1, 1]]
    assert batch.tokens == 4


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    assert rows(epochs(TEXTS), 3) == rows(epochs(TEXTS), 3)
    assert rows(epochs(TEXTS), 3) != rows(epochs(TEXTS), 4)
    assert rows(epochs(TEXTS), 3) != rows(epochs(TEXTS, seed=2), 3)


def test_an_epoch_can_go_on_from_the_middle() -> None:
    data = epochs(TEXTS)
    rest = [make().rows.tolist() for make in data.batches(2, start=5)]
    assert rest == rows(data, 2)[5:]


def test_noise_is_fresh_each_epoch_and_the_same_for_the_same_epoch() -> None:
    data = epochs(["a"] * 40, noise_share=0.5)
    first, again, other = (data._noised(epoch) for epoch in (0, 0, 1))
    assert first == again != other
    assert 5 < sum(len(ids) == 2 for ids in first) < 35


def test_the_projects_noise_is_used_with_the_options_given() -> None:
    assert noise_of(NoiseShare()) is None
    noise = noise_of(NoiseShare(share=0.5, options={"no_punctuation": 1.0}))
    assert noise
    assert noise("卡丢了,怎么办!", dice()) == "卡丢了怎么办"
    with pytest.raises(InputError, match=r"noise\.options"):
        noise_of(NoiseShare(share=0.5, options={"typos": 1.0}))
