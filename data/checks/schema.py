"""Rows that are not labelled texts, and ids that stand twice."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from data.checks.check import Context, Finding


class Schema:
    """1 for a readable row with an id of its own, else 0."""

    name: ClassVar[str] = "schema"

    def __call__(self, context: Context) -> Finding:
        """Rows with their first problem."""
        ids = Counter(row.id for row in context.rows if row.item is not None)
        flagged = {}
        for i, row in enumerate(context.rows):
            if row.problem is not None:
                flagged[i] = row.problem
            elif ids[row.id] > 1:
                flagged[i] = f"id {row.id} is there {ids[row.id]} times"
        return Finding(
            self.name,
            f"{len(flagged)} of {len(context.rows)} rows are not whole",
            scores={i: float(i not in flagged) for i in range(len(context.rows))},
            flagged=flagged,
            mend=True,
        )
