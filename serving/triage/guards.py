"""Guards take a hit back: 「没有自杀的念头」 is no threat, 「听说别人被盗刷」 no loss."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from serving.triage.clauses import Clauses, Scope
from serving.triage.patterns import expand, union
from serving.triage.schema import Context, Guard


def window(
    clauses: Clauses, start: int, end: int, scope: Scope, reach: int, side: str
) -> tuple[int, int]:
    """Bounds of what stands near `start`:`end` on `side`, within its clause and `reach`."""
    low, high = clauses.around(start, end, scope)
    left = max(low, start - reach)
    right = min(high, end + reach)
    if side == "before":
        return left, start
    if side == "after":
        return end, right
    return left, right


@dataclass(frozen=True)
class CompiledGuard:
    """A guard ready to be asked about a hit."""

    code: str
    name: str
    where: str
    scope: Scope
    reach: int
    cue: re.Pattern[str]
    unless: re.Pattern[str] | None
    lead_in: int
    at_edge: bool = False

    def takes_back(self, text: str, clauses: Clauses, start: int, end: int) -> bool:
        """Whether a cue near the hit `start`:`end` says that it does not count."""
        low, high = window(clauses, start, end, self.scope, self.reach, self.where)
        for found in self._cues(text, low, high):
            if self.unless is None:
                return True
            first = max(0, min(found.start(), start) - self.lead_in)
            if not self.unless.search(text, first, max(found.end(), end)):
                return True
        return False

    def _cues(self, text: str, low: int, high: int) -> Iterable[re.Match[str]]:
        if not self.at_edge:
            return self.cue.finditer(text, low, high)
        found = self.cue.match(text, low, high)
        return (found,) if found else ()


@dataclass(frozen=True)
class CompiledContext:
    """Words that must or must not stand near a hit."""

    scope: Scope
    reach: int
    side: str
    any: re.Pattern[str] | None
    none: re.Pattern[str] | None

    def allows(self, text: str, clauses: Clauses, start: int, end: int) -> bool:
        """Whether the hit `start`:`end` stands in such a context."""
        low, high = window(clauses, start, end, self.scope, self.reach, self.side)
        if self.any is not None and not self.any.search(text, low, high):
            return False
        return self.none is None or not self.none.search(text, low, high)


def compile_guard(code: str, guard: Guard, terms: Mapping[str, Sequence[str]]) -> CompiledGuard:
    """Make a guard ready; its patterns were checked before."""
    cue = "(?:" + "|".join(expand(pattern, terms) for pattern in guard.cues) + ")"
    if guard.adjacent:
        filler = "|".join(expand(pattern, terms) for pattern in guard.filler)
        gap = f"(?:{filler}){{0,{guard.max_fillers}}}" if filler else ""
        # \Z is the hit's left edge: the search is given the window's bounds.
        cue = f"{cue}{gap}\\Z" if guard.where == "before" else f"{gap}{cue}"
    return CompiledGuard(
        code=code,
        name=guard.name,
        where=guard.where,
        scope=guard.scope,
        reach=guard.reach,
        cue=re.compile(cue),
        unless=union(guard.unless, terms),
        lead_in=guard.lead_in,
        at_edge=guard.adjacent and guard.where == "after",
    )


def compile_context(context: Context, terms: Mapping[str, Sequence[str]]) -> CompiledContext:
    """Make a context ready; its patterns were checked before."""
    return CompiledContext(
        scope=context.scope,
        reach=context.reach,
        side=context.side,
        any=union(context.any, terms),
        none=union(context.none, terms),
    )
