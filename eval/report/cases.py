"""Complaints as they are shown: masked, the evidence marked, label and answer by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from data.pii.mask import mask
from eval.report.words import Phrase, joined, phrase, say, say_or
from eval.suite.result import CaseHead, CaseResult, HeadResult, SuiteResult

# A letter of two pages is cut to what stands around the strongest evidence.
MOST_CHARACTERS = 700
Span = tuple[int, int, float]


@dataclass(frozen=True, slots=True)
class Card:
    """One complaint under the question that it is shown for."""

    id: str
    text: Markup
    about: Phrase
    facts: tuple[tuple[Phrase, Phrase], ...]


def card(result: SuiteResult, case_id: str, head: str | None = None) -> Card | None:
    """A case shown for one head, or for the whole decision; None if it was not kept."""
    case = result.cases.get(case_id)
    if case is None:
        return None
    answer = case.heads.get(head) if head else None
    if answer is None:
        spans, facts = _telling(case), [*_all_answers(result, case), *_decision(result, case)]
    else:
        spans, facts = answer.evidence, _answers(answer, result.heads.get(str(head)))
    return Card(
        id=case.id,
        text=highlight(case.text, spans),
        about=joined([_field(k, v) for k, v in case.fields.items()], " · ", " · "),
        facts=tuple(facts),
    )


def _telling(case: CaseResult) -> tuple[Span, ...]:
    """What the wrongly answered heads went by: all evidence at once would mark half a text."""
    wrong = [answer for answer in case.heads.values() if answer.right is False]
    return tuple(span for answer in wrong for span in answer.evidence)


def cards(
    result: SuiteResult, ids: Iterable[str], head: str | None = None, most: int = 3
) -> list[Card]:
    """The first few cases that were kept."""
    found = (card(result, case_id, head) for case_id in ids)
    return [item for item in found if item is not None][:most]


def named(code: str | None, head: HeadResult | None) -> Phrase:
    """A code with its name; code alone where the name only repeats it."""
    if code is None:
        return phrase("–")
    name = head.labels.get(code, "") if head else ""
    if not name or name == code:
        return phrase(code)
    return Phrase(*[Markup('<b class="code">{}</b> {}').format(code, name)] * 2)


def highlight(text: str, spans: Sequence[Span], most: int = MOST_CHARACTERS) -> Markup:
    """The text with its evidence marked, the stronger the darker; escaped, and masked again.

    Texts come masked; where the mask still finds something, the spans no longer fit and are left.
    """
    masked = mask(text).text
    if masked != text:
        text, spans = masked, ()
    first, last = _window(len(text), spans, most)
    strongest = max((weight for _, _, weight in spans), default=0.0) or 1.0
    parts: list[Markup] = [Markup("…")] if first else []
    at = first
    for start, end, weight in _merged(spans):
        start, end = max(start, at), min(end, last)
        if start < end:
            share = max(0.18, min(weight / strongest, 1.0) * 0.62)
            parts += (
                escape(text[at:start]),
                Markup('<mark style="--w:{}">{}</mark>').format(f"{share:.2f}", text[start:end]),
            )
            at = end
    parts.append(escape(text[at:last]))
    if last < len(text):
        parts.append(Markup("…"))
    return Markup("").join(parts)


def _field(name: str, value: str) -> Phrase:
    return joined([say_or(f"slice:{name}", name), phrase(mask(value).text)], " ", " ")


def _merged(spans: Sequence[Span]) -> list[Span]:
    """In text order, none within another: heads may point at the same words."""
    merged: list[Span] = []
    for start, end, weight in sorted(spans):
        if merged and start < merged[-1][1]:
            before = merged.pop()
            merged.append((before[0], max(before[1], end), max(before[2], weight)))
        else:
            merged.append((start, end, weight))
    return merged


def _window(length: int, spans: Sequence[Span], most: int) -> tuple[int, int]:
    if length <= most:
        return 0, length
    strongest = max(spans, key=lambda span: span[2], default=(0, 0, 0.0))
    first = 0 if strongest[1] <= most else strongest[0] - most // 2
    return first, min(first + most, length)


def _answers(answer: CaseHead, head: HeadResult | None) -> list[tuple[Phrase, Phrase]]:
    title = phrase(head.title, head.head) if head else phrase("")
    facts = []
    if answer.gold is not None:
        gold = [named(code, head) for code in dict.fromkeys((answer.gold, *answer.readings))]
        facts.append((say("case_gold", head=title), joined(gold, " / ", " / ")))
    facts.append((say("case_answer", head=title), _answered(answer, head)))
    if answer.champion is not None:
        facts.append(
            (
                say("case_champion"),
                _with_confidence(named(answer.champion, head), answer.champion_confidence),
            )
        )
    return facts


def _answered(answer: CaseHead, head: HeadResult | None) -> Phrase:
    sign = {True: "good", False: "bad", None: "none"}[answer.right]
    said = _with_confidence(named(answer.predicted, head), answer.confidence)
    return said if answer.right is None else joined([say(f"sign_{sign}"), said], " ", " ")


def _with_confidence(said: Phrase, confidence: float | None) -> Phrase:
    if confidence is None:
        return said
    return say("case_confidence", answer=said, confidence=f"{confidence:.0%}")


def _all_answers(result: SuiteResult, case: CaseResult) -> list[tuple[Phrase, Phrase]]:
    """One line a head: label → answer, and what the champion said where it said otherwise."""
    facts = []
    for name, answer in case.heads.items():
        head = result.heads.get(name)
        said = [_answered(answer, head)]
        if answer.gold is not None:
            said.insert(0, named(answer.gold, head))
        line = joined(said, " → ", " → ")
        if answer.champion not in (None, answer.predicted):
            other = _with_confidence(named(answer.champion, head), answer.champion_confidence)
            line = joined([line, joined([say("champion"), other], " ", " ")])
        facts.append((phrase(head.title, head.head) if head else phrase(name), line))
    return facts


def _decision(result: SuiteResult, case: CaseResult) -> list[tuple[Phrase, Phrase]]:
    facts = []
    if case.urgency is not None:
        rules = f" ({', '.join(case.rules)})" if case.rules else ""
        facts.append((say("case_urgency"), phrase(f"{case.urgency}{rules}")))
    facts.append((say("case_lead"), _lead(case)))
    reasons = [reason(result, name) for name in case.review]
    facts.append((say("case_review"), joined(reasons) if reasons else say("case_unseen")))
    return facts


def _lead(case: CaseResult) -> Phrase:
    if case.gold_lead is None:
        return phrase(case.lead)
    if case.gold_lead == case.lead:
        return joined([say("sign_good"), phrase(case.lead)], " ", " ")
    return say("case_leads", lead=case.lead, gold=case.gold_lead)


def reason(result: SuiteResult, name: str) -> Phrase:
    """Why a person looks: `low_confidence:product` is 把握不足：产品线."""
    kind, _, about = name.partition(":")
    said = say_or(f"review:{kind}", kind)
    if not about:
        return said
    head = result.heads.get(about)
    return joined([said, phrase(head.title, head.head) if head else phrase(about)], "：", ": ")
