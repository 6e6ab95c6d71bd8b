"""Whether memory stays bounded over texts of every length and over hot swaps."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from data.text.normalise import normalise
from eval.speed.figures import resident
from model.classifier import Classifier

_SEED = 20261122
_SAMPLES = 20


@dataclass(frozen=True, slots=True)
class MemoryReport:
    """Resident MB: before loading, after each share of the calls, and after each swap."""

    before: float
    calls: int
    after_calls: tuple[float, ...]
    after_swaps: tuple[float, ...]

    @property
    def growth(self) -> float:
        """MB gained in the second half of the calls: what would go on growing."""
        half = len(self.after_calls) // 2
        return max(self.after_calls[half:]) - max(self.after_calls[:half])

    @property
    def swap_growth(self) -> float:
        """MB gained in the second half of the swaps."""
        half = len(self.after_swaps) // 2
        return max(self.after_swaps[half:]) - max(self.after_swaps[:half])

    def as_json(self) -> dict[str, Any]:
        """Everything."""
        return asdict(self) | {"growth": self.growth, "swap_growth": self.swap_growth}


def memory_over(
    load: Callable[[], Classifier],
    texts: Sequence[str],
    *,
    calls: int = 10_000,
    swaps: int = 20,
    on_step: Callable[[str, int], None] = lambda _name, _done: None,
) -> MemoryReport:
    """Answer `calls` texts of mixed lengths, then load anew `swaps` times as a reload does.

    In a swap the new model is loaded and answers before the old one is let go.
    """
    before = resident()
    draw = random.Random(_SEED)  # noqa: S311 - a fixed mix of texts, nothing secret
    classifier = load()
    after_calls, every = [], max(1, calls // _SAMPLES)
    for done in range(1, calls + 1):
        classifier.predict(normalise(mixed(texts, draw)))
        if done % every == 0:
            after_calls.append(resident())
            on_step("calls", done)
    after_swaps = []
    for done in range(1, swaps + 1):
        following = load()
        for _ in range(5):
            following.predict(normalise(mixed(texts, draw)))
        classifier = following
        gc.collect()
        after_swaps.append(resident())
        on_step("swaps", done)
    del classifier
    return MemoryReport(before, calls, tuple(after_calls), tuple(after_swaps))


def mixed(texts: Sequence[str], draw: random.Random) -> str:
    """A text, cut short, whole, or several joined: from a few characters to a long letter."""
    text = draw.choice(texts)
    kind = draw.random()
    if kind < 0.3:
        return text[: draw.randint(1, len(text))]
    if kind > 0.9:
        return "\n".join(draw.choices(texts, k=draw.randint(2, 8)))
    return text
