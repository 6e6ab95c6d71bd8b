"""Gates between torch, single precision and int8, and between one batch and another.

Every gate is a number with a limit; an export whose gate fails writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch

from data.errors import BundleError
from model.classifier import Floats
from model.encoder.network import EncoderNetwork
from model.encoder.session import Ids, Session, padded

BATCHES = (1, 2, 4, 8)


@dataclass(frozen=True, slots=True)
class Limits:
    """What the gates allow.

    `logits` is the largest difference torch ↔ single precision, `shares` that of a logit from the
    sum of its token shares, `flips` the share of texts whose best leaf int8 changes, per head.
    """

    texts: int = 500
    logits: float = 1e-3
    shares: float = 1e-3
    flips: float = 0.02


@dataclass(frozen=True, slots=True)
class Gate:
    """One comparison: passed if `number` is at most `limit` (at least, for a `least` gate)."""

    name: str
    number: float
    limit: float
    least: bool = False

    @property
    def passed(self) -> bool:
        """Not a number never passes."""
        return self.number >= self.limit if self.least else self.number <= self.limit


@dataclass(frozen=True, slots=True)
class ParityReport:
    """All gates in the order they were measured."""

    gates: tuple[Gate, ...] = field(default_factory=tuple)

    @property
    def passed(self) -> bool:
        """Whether every gate did."""
        return all(gate.passed for gate in self.gates)

    def require(self) -> None:
        """Raises BundleError naming the first gate that failed, its number and its limit."""
        for gate in self.gates:
            if not gate.passed:
                word = "at least" if gate.least else "at most"
                raise BundleError(
                    f"{gate.number:.6g}, expected {word} {gate.limit:g}",
                    field=f"parity gate {gate.name}",
                )

    def summary(self) -> dict[str, Any]:
        """For a manifest."""
        return {gate.name: asdict(gate) | {"passed": gate.passed} for gate in self.gates}


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is compared: the same network three times, and how its scores divide into heads."""

    network: EncoderNetwork
    exact: Session
    int8: Session
    columns: Mapping[str, slice]
    bias: Floats
    pad: int


def check(
    candidate: Candidate,
    texts: Sequence[Ids],
    limits: Limits = Limits(),
    *,
    max_tokens: int,
    on_step: Callable[[str], None] = lambda _: None,
) -> ParityReport:
    """Measure every gate on `texts` (token ids, (tokens,) each) and on cuts of all lengths."""
    cuts = spread(texts, len(texts), max_tokens)
    everything = [*texts, *cuts]
    on_step("parity: torch and single precision")
    reference = _torch_logits(candidate.network, everything)
    exact = np.concatenate([candidate.exact.run(ids[None])[1] for ids in everything])
    gates = [
        Gate("texts", len(everything), limits.texts, least=True),
        Gate("torch_logits", _largest(exact - reference), limits.logits),
        Gate("torch_argmax", _agreement(exact, reference, candidate.columns), 1.0, least=True),
    ]
    on_step("parity: int8")
    alone = [candidate.int8.run(ids[None]) for ids in everything]
    int8 = np.concatenate([logits for _, logits, _ in alone])
    for name, columns in candidate.columns.items():
        flips = _flips(int8[: len(texts), columns], exact[: len(texts), columns])
        gates.append(Gate(f"int8_flips.{name}", flips, limits.flips))
    sums = np.stack([scores[0].sum(axis=0, dtype=np.float64) for scores, _, _ in alone])
    gates.append(Gate("int8_shares", _largest(sums + candidate.bias - int8), limits.shares))
    for size in BATCHES:
        on_step(f"parity: batches of {size}")
        gates += _batch_gates(candidate, everything, alone, size, max_tokens)
    return ParityReport(tuple(gates))


def spread(texts: Sequence[Ids], count: int, max_tokens: int) -> list[Ids]:
    """`count` cuts of the texts laid end to end, of lengths evenly from 1 to `max_tokens`."""
    stream = np.concatenate(texts)
    while len(stream) < max_tokens:
        stream = np.concatenate([stream, stream])
    lengths = np.linspace(1, max_tokens, count).round().astype(int)
    starts = np.linspace(0, len(stream) - max_tokens, count).round().astype(int)
    return [stream[a : a + n] for a, n in zip(starts, lengths, strict=True)]


def _batch_gates(
    candidate: Candidate,
    texts: Sequence[Ids],
    alone: Sequence[tuple[Floats, Floats, Floats]],
    size: int,
    max_tokens: int,
) -> list[Gate]:
    """How many texts get other bits: in batches of neighbours, of equal length, padded to most."""
    by_length = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    mixed = [list(range(i, min(i + size, len(texts)))) for i in range(0, len(texts), size)]
    twins = [[i] * size for i in by_length[:: 4 * size]]
    full = mixed[:: 2 * size]
    plans = {"padded": (mixed, 0), "unpadded": (twins, 0), "full": (full, max_tokens)}
    return [
        Gate(f"int8_{name}.{size}", _differing(candidate, texts, alone, batches, width), 0)
        for name, (batches, width) in plans.items()
    ]


def _differing(
    candidate: Candidate,
    texts: Sequence[Ids],
    alone: Sequence[tuple[Floats, Floats, Floats]],
    batches: Sequence[Sequence[int]],
    width: int,
) -> int:
    differing = 0
    for batch in batches:
        ids, mask = padded([texts[i] for i in batch], candidate.pad, width)
        scores, logits, pooled = candidate.int8.run(ids, mask)
        for row, i in enumerate(batch):
            found = (scores[row, : len(texts[i])], logits[row], pooled[row])
            expected = [array[0] for array in alone[i]]
            differing += not all(map(np.array_equal, found, expected))
    return differing


def _torch_logits(network: EncoderNetwork, texts: Sequence[Ids]) -> Floats:
    """In single precision, whatever precision the weights are kept in."""
    network = network.eval().float()
    rows = []
    with torch.inference_mode():
        for ids in texts:
            tensor = torch.from_numpy(ids[None])
            logits = network(tensor, torch.ones_like(tensor)).logits
            rows.append(torch.cat(list(logits.values()), dim=1).numpy())
    return np.concatenate(rows)


def _largest(difference: Floats) -> float:
    return float(np.abs(difference).max())


def _flips(found: Floats, expected: Floats) -> float:
    return float((found.argmax(axis=1) != expected.argmax(axis=1)).mean())


def _agreement(found: Floats, expected: Floats, columns: Mapping[str, slice]) -> float:
    return 1.0 - max(_flips(found[:, c], expected[:, c]) for c in columns.values())
