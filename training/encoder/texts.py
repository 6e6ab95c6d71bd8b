"""Texts as token ids, and an epoch as batches of like length."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import torch
from tokenizers import Tokenizer
from torch import Tensor

from data.errors import InputError
from data.text.normalise import normalise
from training.encoder.config import BatchConfig, NoiseShare

# Batches are cut from length-sorted pools of this many: large enough that neighbours in a pool
# are of one length (padding stays below a tenth), small enough that epochs differ.
_POOL = 40
Noise = Callable[[str, random.Random], str]
Ids = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """`ids` and `mask` are (texts, tokens); `rows` (texts,) says which texts these are."""

    ids: Tensor
    mask: Tensor
    rows: Tensor

    @property
    def tokens(self) -> int:
        """Real tokens, padding apart."""
        return int(self.mask.sum())


class Encode(Protocol):
    """From raw texts to token ids."""

    def __call__(self, texts: Sequence[str]) -> list[Ids]:
        """One tuple of ids per text."""
        ...


def encoder_of(tokenizer: Tokenizer, max_tokens: int) -> Encode:
    """Normalise and tokenise as serving does: texts over `max_tokens` keep their two ends."""
    tokenizer.no_padding()
    tokenizer.no_truncation()

    def encode(texts: Sequence[str]) -> list[Ids]:
        normalised = [normalise(text).text for text in texts]
        found = tokenizer.encode_batch(normalised)
        return [two_ends(tuple(encoding.ids), max_tokens) for encoding in found]

    return encode


def two_ends(ids: Ids, most: int) -> Ids:
    """`ids` whole, or the first and last halves of `most`: matter and demand of a complaint."""
    if len(ids) <= most:
        return ids
    head = (most + 1) // 2
    return ids[:head] + ids[len(ids) - (most - head) :]


def plan(lengths: Sequence[int], config: BatchConfig, order: random.Random) -> list[list[int]]:
    """Rows of each batch: shuffled, sorted by length within pools, filled up to the limits."""
    rows = list(range(len(lengths)))
    order.shuffle(rows)
    size = _POOL * config.texts
    batches: list[list[int]] = []
    for start in range(0, len(rows), size):
        pool = sorted(rows[start : start + size], key=lambda row: lengths[row])
        batches.extend(_fill(pool, lengths, config))
    order.shuffle(batches)
    return batches


def _fill(rows: Sequence[int], lengths: Sequence[int], config: BatchConfig) -> Iterator[list[int]]:
    batch: list[int] = []
    for row in rows:  # ascending, so the newest row sets the width
        if batch and (
            len(batch) == config.texts or lengths[row] * (len(batch) + 1) > config.tokens
        ):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def collate(ids: Sequence[Ids], rows: Sequence[int], pad: int) -> Batch:
    """Pad the texts of one batch to the longest of them."""
    width = max(len(ids[row]) for row in rows)
    padded = torch.tensor([[*ids[row], *[pad] * (width - len(ids[row]))] for row in rows])
    lengths = torch.tensor([len(ids[row]) for row in rows])
    return Batch(padded, (torch.arange(width) < lengths[:, None]).long(), torch.tensor(rows))


class Epochs:
    """The batches of every epoch, the same for the same seed wherever training begins."""

    def __init__(
        self,
        texts: Sequence[str],
        encode: Encode,
        config: BatchConfig,
        *,
        pad: int,
        seed: int,
        noise: Noise | None = None,
        noise_share: float = 0.0,
    ) -> None:
        self._texts = list(texts)
        self._encode = encode
        self._config = config
        self._pad = pad
        self._seed = seed
        self._noise = noise if noise_share > 0 else None
        self._noise_share = noise_share
        self.plain = encode(self._texts)

    def __len__(self) -> int:
        return len(self._texts)

    def batches(self, epoch: int, start: int = 0) -> list[Callable[[], Batch]]:
        """What makes each batch of an epoch, from batch `start` on."""
        ids = self._noised(epoch) if self._noise else self.plain
        return [partial(collate, ids, batch, self._pad) for batch in self._plan(epoch, ids)[start:]]

    def steps(self) -> int:
        """Batches per epoch; noise changes lengths, and with them this number, a little."""
        return len(self._plan(0, self.plain))

    def _plan(self, epoch: int, ids: Sequence[Ids]) -> list[list[int]]:
        order = random.Random(f"{self._seed}:order:{epoch}")  # noqa: S311
        return plan([len(text) for text in ids], self._config, order)

    def _noised(self, epoch: int) -> list[Ids]:
        assert self._noise  # noqa: S101
        chosen, changed = [], []
        for row, text in enumerate(self._texts):
            draw = random.Random(f"{self._seed}:noise:{epoch}:{row}")  # noqa: S311
            if draw.random() < self._noise_share:
                chosen.append(row)
                changed.append(self._noise(text, draw) or text)
        ids = list(self.plain)
        for row, encoded in zip(chosen, self._encode(changed), strict=True):
            ids[row] = encoded
        return ids


def noise_of(config: NoiseShare) -> Noise | None:
    """The project's noise, if any is wanted. Raises InputError for an option it does not have."""
    if config.share == 0:
        return None
    from data.noise import NoiseConfig, apply

    try:
        options = NoiseConfig(**config.options)
    except (TypeError, ValueError) as error:
        raise InputError(str(error), field="noise.options") from error
    return lambda text, draw: str(apply(text, options, draw))
