"""Labels with too few texts to learn or to judge."""

from __future__ import annotations

from typing import ClassVar

from data.checks.check import Context, Finding
from data.quality.coverage import counts

FEWEST = 20
# As many are named in the sentence, the rarest first.
_NAMED = 8


class ThinClasses:
    """The texts that carry the row's rarest label out of `fewest`, at most 1."""

    name: ClassVar[str] = "thin classes"

    def __init__(self, fewest: int = FEWEST) -> None:
        self._fewest = fewest

    def __call__(self, context: Context) -> Finding:
        """Rows of labels that fewer than `fewest` texts carry; labels without any are named."""
        carried = {(c.head, c.code): c.texts for c in counts(context.texts, context.taxonomy)}
        thin = {key: n for key, n in carried.items() if n < self._fewest}
        scores: dict[int, float] = {}
        flagged: dict[int, str] = {}
        for i, item in zip(context.places, context.texts, strict=True):
            n, head, code = min(
                (carried.get((head, code), self._fewest), head, code)
                for head, code in item.labels.items()
            )
            scores[i] = min(1.0, n / self._fewest)
            if n < self._fewest:
                flagged[i] = f"{head} {code} has {n} texts"
        rarest = sorted(thin.items(), key=lambda item: item[1])[:_NAMED]
        named = ", ".join(f"{head} {code} {n}" for (head, code), n in rarest)
        rest = f", and {len(thin) - _NAMED} more" if len(thin) > _NAMED else ""
        return Finding(
            self.name,
            f"{len(thin)} of {len(carried)} labels have fewer than {self._fewest} texts"
            + (f": {named}{rest}" if thin else ""),
            scores,
            flagged,
            {"labels": {f"{head}:{code}": n for (head, code), n in thin.items()}},
        )
