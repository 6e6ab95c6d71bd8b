"""Gates in the order a person needs them: what stops the challenger first, with its cases."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from eval.report import numbers
from eval.report.cases import Card, cards
from eval.report.slices import about, place
from eval.report.words import Phrase, joined, phrase, say, say_or
from eval.suite.result import GateResult, SuiteResult

_RULE = re.compile(r"(.*?[≥≤<>]) (\d*\.?\d+(?:e-?\d+)?)(.*)")
_ORDER = {"failed": 0, "unknown": 1, "spared": 2, "passed": 3, "skipped": 4}
MOST_CASES = 3


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate as written; for `state` see `state`."""

    state: str
    metric: Phrase
    where: Phrase
    value: str
    rule: Phrase
    champion: str
    difference: str
    n: int | None
    why: str
    cards: tuple[Card, ...]


@dataclass(frozen=True, slots=True)
class Gates:
    """`first` are those to read; `rest` are the `quiet` ones."""

    first: tuple[Gate, ...]
    rest: tuple[Gate, ...]
    quiet: int
    counts: dict[str, int]


def gates(result: SuiteResult) -> Gates:
    """All gates, none left out."""
    ordered = sorted(result.gates, key=_urgency)
    fine = [g for g in ordered if _quiet(g)]
    return Gates(
        first=_joined([gate(result, g) for g in ordered if g not in fine]),
        rest=_joined([gate(result, g) for g in fine]),
        quiet=len(fine),
        counts={
            "stopping": len(result.stopping),
            **{
                kind: sum(state(g) == kind for g in ordered)
                for kind in ("passed", "spared", "unknown", "skipped")
            },
        },
    )


def state(item: GateResult) -> str:
    """The status; `required` where not knowing stops the run, `spared` where the limit is missed.

    A limit that the champion misses too does not stop a challenger that is no worse.
    """
    if item.status == "unknown" and item.required:
        return "required"
    return "spared" if item.status == "passed" and _beyond(item) else item.status


def _beyond(item: GateResult) -> bool:
    if item.value is None:
        return False
    floor, ceiling = item.rule.startswith("≥"), item.rule.startswith("≤")
    gap = item.limit - item.value if floor else item.value - item.limit
    return (floor or ceiling) and gap > _DUST


def _urgency(item: GateResult) -> tuple[bool, int]:
    return not item.stops, _ORDER[item.status if item.stops else state(item)]


def _quiet(item: GateResult) -> bool:
    """What nobody has to act on: not compared, or a limit on one label or slice that holds."""
    return item.status == "skipped" or (
        item.scope in ("class", "slice") and state(item) == "passed"
    )


_DUST = 1e-9


def _joined(found: Sequence[Gate]) -> tuple[Gate, ...]:
    """Limits on the same figure that end alike stand in one row."""
    kept: dict[object, Gate] = {}
    for each in found:
        key = (each.state, each.metric, each.where, each.value, each.n)
        kept[key] = _with(kept[key], each) if key in kept else each
    return tuple(kept.values())


def _with(one: Gate, other: Gate) -> Gate:
    whys = dict.fromkeys(why for why in (one.why, other.why) if why)
    return replace(one, rule=joined([one.rule, other.rule]), why=" ".join(whys))


def gate(result: SuiteResult, item: GateResult) -> Gate:
    """One gate with the names of what it is about."""
    where, head = _where(result, item)
    gap = item.difference.value if item.difference else None
    shown = item.examples if item.status == "failed" else ()
    return Gate(
        state=state(item),
        metric=about(result, item.metric),
        where=where,
        value=numbers.show(item.metric, item.value),
        rule=rule(item.rule, item.metric),
        champion=numbers.show(item.metric, item.champion),
        difference="" if gap is None else numbers.difference(item.metric, gap),
        n=item.n,
        why=item.why,
        cards=tuple(cards(result, shown, head, most=MOST_CASES)),
    )


def rule(text: str, metric: str) -> Phrase:
    """A limit as the suite words it ("loss to champion ≤ 0.01"), in Chinese too."""
    found = _RULE.fullmatch(text)
    if found is None:
        return phrase(text)
    words, number, rest = found.groups()
    if "times" not in words:
        number = _limit(metric, number, relative="champion" in words)
    said = say_or(f"rule:{words}", words)
    return joined([said, phrase(f"{number}{rest}")], " ", " ")


def _limit(metric: str, number: str, *, relative: bool) -> str:
    if numbers.is_share(metric):
        return f"{float(number) * 100:.4g}{' pp' if relative else '%'}"
    return f"{number}{numbers.unit(metric)}"


def _where(result: SuiteResult, item: GateResult) -> tuple[Phrase, str | None]:
    """The head, label or slice by name, and the head to show examples for."""
    head_name, _, code = item.where.partition(":")
    head = result.heads.get(head_name)
    if item.scope in ("head", "class") and head is not None:
        title = phrase(head.title, head.head)
        if not code:
            return title, head.head
        name = Markup('<b class="code">{}</b> {}').format(code, head.labels.get(code, ""))
        return Phrase(title.zh + " " + name, title.en + " " + name), head.head
    if item.scope == "slice":
        parts = [part.partition("=") for part in item.where.split(" · ")]
        about_head = item.metric.rpartition(".")[0] or None
        return place(result, {key: value for key, _, value in parts}), about_head
    return (phrase(item.where) if item.where else say("all_texts")), None
