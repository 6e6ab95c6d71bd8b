"""Personal data that was left in."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from data.checks.check import Context, Finding
from data.pii.find import find
from data.pii.mask import PERSONAL

# With these, who wrote or is written about can be looked up directly.
_NUMBERS = frozenset({"id_card", "bank_card"})


class Personal:
    """0 for an identity or bank card number that passes its checksum, 0.5 for other personal data
    that stands unmasked, else 1.
    """

    name: ClassVar[str] = "personal data"

    def __call__(self, context: Context) -> Finding:
        """Rows with unmasked personal data, by kind; never the data itself."""
        scores: dict[int, float] = {}
        flagged: dict[int, str] = {}
        kinds: Counter[str] = Counter()
        for i, item in zip(context.places, context.texts, strict=True):
            found = [f for f in find(item.text) if f.kind in PERSONAL and not f.masked]
            valid = [f for f in found if f.valid and f.kind in _NUMBERS]
            scores[i] = 0.0 if valid else 0.5 if found else 1.0
            if found:
                here = sorted({f.kind for f in found})
                flagged[i] = ", ".join(here) + (": passes its checksum" if valid else "")
                kinds.update(here)
        named = ", ".join(f"{kind} {n}" for kind, n in kinds.most_common()) or "none"
        return Finding(
            self.name,
            f"texts with unmasked personal data: {named}",
            scores,
            flagged,
            {"kinds": dict(kinds)},
            mend=any(score == 0 for score in scores.values()),
        )
