"""Run checks over labelled rows and join what they say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from data.checks.check import Check, Context, Finding
from data.checks.conflicts import Conflicts
from data.checks.drift import Drift
from data.checks.empties import Empties
from data.checks.leaks import Leaks
from data.checks.near_duplicates import NearDuplicates
from data.checks.outliers import Lengths, UnknownTokens
from data.checks.personal import Personal
from data.checks.schema import Schema
from data.checks.thin import ThinClasses
from data.splits import assign, split_of


def standard() -> list[Check]:
    """Every check that needs no training; `training.label_check.LabelErrors` adds to them."""
    return [
        Schema(),
        Empties(),
        NearDuplicates(),
        Leaks(),
        Conflicts(),
        ThinClasses(),
        Lengths(),
        UnknownTokens(),
        Personal(),
        Drift(),
    ]


@dataclass(frozen=True, slots=True)
class Report:
    """All findings over the same rows."""

    context: Context
    findings: tuple[Finding, ...]

    @property
    def to_mend(self) -> tuple[Finding, ...]:
        """Findings whose flagged rows spoil training or evaluation as they are."""
        return tuple(f for f in self.findings if f.mend and f.flagged)

    def columns(self) -> list[str]:
        """Of `rows`, in order."""
        return ["file", "line", "id", "split", *(f.check for f in self.findings), "notes"]

    def rows(self) -> Iterator[dict[str, Any]]:
        """Per row a score of every check that judged it, and in words what was flagged."""
        for i, row in enumerate(self.context.rows):
            scores = {f.check: f.scores[i] for f in self.findings if i in f.scores}
            notes = [f"{f.check}: {f.flagged[i]}" for f in self.findings if i in f.flagged]
            split = (split_of(row.item) or assign(row.item)) if row.item else None
            named = {"file": row.file, "line": row.line, "id": row.id, "split": split}
            yield {**named, **scores, "notes": "; ".join(notes)}


def run(
    context: Context,
    checks: Sequence[Check],
    on_check: Callable[[str], None] = lambda _: None,
) -> Report:
    """Every check in order; `on_check` is told as each begins. They flag; nothing is deleted."""
    findings = []
    for check in checks:
        on_check(check.name)
        findings.append(check(context))
    return Report(context, tuple(findings))
