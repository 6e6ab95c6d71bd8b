"""How far two people agree beyond chance (Cohen 1960)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

_Z = 1.959964
# Below it the large-sample interval says nothing.
_LEAST = 10


@dataclass(frozen=True, slots=True)
class Kappa:
    """Cohen's kappa of `n` pairs with its 95 % interval; `observed` is the share alike.

    `low` and `high` are None for too few pairs, or where all pairs are alike, which has no
    large-sample variance.
    """

    n: int
    observed: float
    kappa: float
    low: float | None
    high: float | None


def kappa_of(first: Sequence[str], second: Sequence[str]) -> Kappa | None:
    """Kappa over pairs of codes; None without any pair.

    The interval's variance is that of Fleiss, Cohen and Everitt (1969), equation 13.
    """
    n = len(first)
    if n == 0:
        return None
    cells = Counter(zip(first, second, strict=True))
    rows, columns = Counter(first), Counter(second)
    observed = sum(count for (a, b), count in cells.items() if a == b) / n
    chance = sum(rows[code] * columns[code] for code in rows) / n**2
    if chance >= 1:
        return Kappa(n, observed, 1.0, None, None)
    value = (observed - chance) / (1 - chance)
    if n < _LEAST or observed == 1:
        return Kappa(n, observed, value, None, None)
    reach = _Z * math.sqrt(_variance(cells, rows, columns, value, chance, n))
    return Kappa(n, observed, value, max(-1.0, value - reach), min(1.0, value + reach))


def _variance(
    cells: Counter[tuple[str, str]],
    rows: Counter[str],
    columns: Counter[str],
    value: float,
    chance: float,
    n: int,
) -> float:
    alike = apart = 0.0
    for (a, b), count in cells.items():
        share = count / n
        if a == b:
            alike += share * (1 - (rows[a] + columns[a]) / n * (1 - value)) ** 2
        else:
            apart += share * ((columns[a] + rows[b]) / n) ** 2
    spread = alike + (1 - value) ** 2 * apart - (value - chance * (1 - value)) ** 2
    return max(0.0, spread) / (n * (1 - chance) ** 2)
