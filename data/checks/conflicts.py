"""The same words with different labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import ClassVar

from data.checks.check import Context, Finding
from data.labelled import LabelledText
from data.text.normalise import normalise


class Conflicts:
    """0 for a text whose words carry another label elsewhere that it does not accept, else 1."""

    name: ClassVar[str] = "conflicts"

    def __call__(self, context: Context) -> Finding:
        """Rows whose normalised words stand with a label that their own readings exclude."""
        same: dict[str, list[int]] = defaultdict(list)
        for row, item in enumerate(context.texts):
            same[normalise(item.text).text].append(row)
        flagged: dict[int, str] = {}
        for rows in same.values():
            for row in rows:
                others = [context.texts[other] for other in rows if other != row]
                if (why := _differs(context.texts[row], others)) is not None:
                    flagged[context.places[row]] = why
        scores = {i: float(i not in flagged) for i in context.places}
        sentence = f"{len(flagged)} texts have the words of another and a different label"
        return Finding(self.name, sentence, scores, flagged, mend=True)


def _differs(item: LabelledText, others: Sequence[LabelledText]) -> str | None:
    for other in others:
        for head, code in item.labels.items():
            theirs = other.labels.get(head)
            if theirs is None or item.accepts(head, theirs) or other.accepts(head, code):
                continue
            return f"{head} {code}, but {theirs} in {other.id}"
    return None
