"""Which complaints are meant: one language for links, lists, SQL and columns.

A filter is written as a query string (`product=B03&from=2026-11-01&clock=decide:overdue`), and
asks the same of the database (`conditions`) and of columns (`mask`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from data.errors import InputError
from serving.boards.axes import Axes
from serving.boards.epoch import midnight
from serving.boards.facts import CODED

# Every filter by a code; causes and models are only ever asked for one by one.
CODES: Final = CODED
TIMES: Final = ("received", "accepted", "resolved")
SWITCHES: Final = ("automatic", "audit", "bounced", "merged")
# What may be asked of a clock; `Nd` is: not yet met, strictly due within N days.
CLOCK_STATES: Final = ("any", "met", "in_time", "late", "open", "running", "overdue")
_WITHIN: Final = re.compile(r"([1-9]\d?)d")
_MAX_CODES: Final = 200
_YES: Final = {"yes": True, "no": False, "1": True, "0": False, "true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Span:
    """Times from `first` up to, not with, `end`; None is open."""

    first: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class ClockIs:
    """A clock of the case is in this state; `clock` is an id, or statutory, internal or any."""

    clock: str
    state: str

    @property
    def within(self) -> int | None:
        """The days of a state `Nd`."""
        found = _WITHIN.fullmatch(self.state)
        return int(found[1]) if found else None


@dataclass(frozen=True)
class CaseFilter:
    """All must hold; of several codes of one axis, any. A code stands for those below it too."""

    codes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    times: Mapping[str, Span] = field(default_factory=dict)
    switches: Mapping[str, bool] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    clocks: tuple[ClockIs, ...] = ()
    judged: tuple[tuple[str, str], ...] = ()
    id: str | None = None

    def plus(self, **more: object) -> CaseFilter:
        """This and more: codes of an axis, a switch, or a span of times (`received=Span(…)`)."""
        codes, times, switches = dict(self.codes), dict(self.times), dict(self.switches)
        for name, value in more.items():
            if isinstance(value, Span):
                times[name] = value
            elif isinstance(value, bool):
                switches[name] = value
            elif isinstance(value, str):
                codes[name] = (value,)
            elif isinstance(value, Iterable):
                codes[name] = tuple(str(code) for code in value)
            else:
                raise TypeError(f"no filter by {name}={value!r}")
        return replace(self, codes=codes, times=times, switches=switches)

    def clock(self, clock: str, state: str) -> CaseFilter:
        """This, and a clock's state."""
        return replace(self, clocks=(*self.clocks, ClockIs(clock, state)))

    def flag(self, *codes: str) -> CaseFilter:
        """This, and one of these sensitive markers."""
        return replace(self, flags=codes)

    def judgement(self, head: str, verdict: str) -> CaseFilter:
        """This, and what people said of a head's answer: kept, changed or any."""
        return replace(self, judged=(*self.judged, (head, verdict)))

    def query(self) -> str:
        """As a query string; `parse` reads it back."""
        pairs = [(name, ",".join(self.codes[name])) for name in CODES if self.codes.get(name)]
        for name in TIMES:
            of = self.times.get(name, Span())
            prefix = "" if name == "received" else f"{name}_"
            pairs += [(f"{prefix}from", of.first.isoformat())] if of.first else []
            pairs += [(f"{prefix}to", of.end.isoformat())] if of.end else []
        pairs += [(name, "yes" if on else "no") for name, on in sorted(self.switches.items())]
        pairs += [("flag", ",".join(self.flags))] if self.flags else []
        pairs += [("clock", f"{of.clock}:{of.state}") for of in self.clocks]
        pairs += [("judged", f"{head}:{verdict}") for head, verdict in self.judged]
        pairs += [("id", self.id)] if self.id else []
        return urlencode(pairs, safe=",:+-!")

    def expanded(self, axes: Axes) -> dict[str, frozenset[str]]:
        """Per axis every code that is meant, those below included."""
        return {
            name: frozenset().union(*(axes[name].under(code) for code in wanted))
            if name in axes
            else frozenset(wanted)
            for name, wanted in self.codes.items()
            if wanted
        }


def parse(given: Iterable[tuple[str, str]], zone: ZoneInfo) -> CaseFilter:
    """Read a filter from the pairs of a query string; pairs of other names are left alone.

    A day means its midnight in `zone`; `to` is not included. Raises InputError naming the pair.
    """
    found = CaseFilter()
    for name, value in given:
        value = value.strip()
        if not value:
            continue
        if name in CODES:
            codes = (*found.codes.get(name, ()), *_codes(name, value))
            found = replace(found, codes={**found.codes, name: codes})
        elif name in SWITCHES:
            found = replace(found, switches={**found.switches, name: _switch(name, value)})
        elif name == "flag":
            found = replace(found, flags=(*found.flags, *_codes(name, value)))
        elif name == "clock":
            found = replace(found, clocks=(*found.clocks, _clock(value)))
        elif name == "judged":
            found = replace(found, judged=(*found.judged, _judged(value)))
        elif name == "id":
            found = replace(found, id=value[:128])
        elif (edge := _edge(name)) is not None:
            found = _bounded(found, edge, _time(name, value, zone))
    return found


def _edge(name: str) -> tuple[str, str] | None:
    for of in TIMES:
        prefix = "" if of == "received" else f"{of}_"
        if name in (f"{prefix}from", f"{prefix}to"):
            return of, name.removeprefix(prefix)
    return None


def _bounded(found: CaseFilter, edge: tuple[str, str], when: datetime) -> CaseFilter:
    name, side = edge
    span = found.times.get(name, Span())
    span = replace(span, first=when) if side == "from" else replace(span, end=when)
    return replace(found, times={**found.times, name: span})


def _codes(name: str, value: str) -> list[str]:
    codes = [code.strip()[:128] for code in value.split(",") if code.strip()]
    if len(codes) > _MAX_CODES:
        raise InputError(f"expected at most {_MAX_CODES} codes", field=name)
    return codes


def _switch(name: str, value: str) -> bool:
    if value.lower() not in _YES:
        raise InputError("expected yes or no", field=name)
    return _YES[value.lower()]


def _clock(value: str) -> ClockIs:
    clock, _, state = value.partition(":")
    state = state or "any"
    if state not in CLOCK_STATES and not _WITHIN.fullmatch(state):
        raise InputError(f"expected {', '.join(CLOCK_STATES)} or 1d to 99d", field="clock")
    return ClockIs(clock[:48], state)


def _judged(value: str) -> tuple[str, str]:
    head, _, verdict = value.partition(":")
    if verdict not in ("kept", "changed", "any"):
        raise InputError("expected HEAD:kept, HEAD:changed or HEAD:any", field="judged")
    return head[:64], verdict


def _time(name: str, value: str, zone: ZoneInfo) -> datetime:
    try:
        if len(value) == len("2026-11-22"):
            return midnight(date.fromisoformat(value), zone)
        # A plus sign in a query string is a space to whoever reads it.
        when = datetime.fromisoformat(value.replace(" ", "+"))
    except ValueError as error:
        raise InputError(
            "expected a day or a time like 2026-11-22T09:30+08:00", field=name
        ) from error
    return (when if when.tzinfo else when.replace(tzinfo=zone)).replace(microsecond=0)
