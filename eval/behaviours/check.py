"""Whether one case holds, and what was expected and got where it does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from data.taxonomy.schema import Head
from eval.behaviours.answer import Answer, Answerer
from eval.behaviours.schema import Course, Directional, Minimum
from eval.behaviours.suite import Case, Invariant


@dataclass(frozen=True, slots=True)
class Miss:
    """One expectation that was not met; `changed` is the text that a base text became, if any."""

    expected: str
    got: str
    changed: str | None = None


def check(case: Case, answer: Answerer, urgency: Head | None) -> tuple[Miss, ...]:
    """Every expectation of the case that is not met; empty if it holds."""
    test = case.test
    if isinstance(test, Minimum):
        return tuple(_minimum(test, answer(test.text), urgency))
    if isinstance(test, Directional):
        return tuple(_directional(test, answer(test.text), answer(test.changed), urgency))
    before = answer(test.text)
    return tuple(
        miss
        for variant in test.variants
        for miss in _invariant(test, variant, before, answer(variant), urgency)
    )


def _minimum(test: Minimum, got: Answer, urgency: Head | None) -> list[Miss]:
    misses = _labels(test.expect, got, urgency)
    misses += [Miss(f"flag {flag}", _flags(got)) for flag in test.flags if flag not in got.flags]
    misses += [Miss(f"no flag {flag}", _flags(got)) for flag in test.absent if flag in got.flags]
    if test.review is not None and got.review != test.review:
        misses.append(Miss(f"review: {test.review}", f"review: {got.review}"))
    return misses


def _labels(
    expect: Mapping[str, tuple[str, ...]], got: Answer, urgency: Head | None, side: str = ""
) -> list[Miss]:
    misses = []
    for head, codes in expect.items():
        path = _path(head, got, urgency)
        if not set(codes) & set(path):
            wanted = f"{side}{head} {' or '.join(codes)}"
            misses.append(Miss(wanted, f"{head} {_shown(head, got, urgency)}"))
    return misses


def _path(head: str, got: Answer, urgency: Head | None) -> tuple[str, ...]:
    """The answer to a head with its ancestors; for the urgency head the level after rules."""
    if urgency is not None and head == urgency.name and got.urgency is not None:
        return urgency.path(got.urgency)
    return got.labels[head].path


def _shown(head: str, got: Answer, urgency: Head | None) -> str:
    label = got.labels[head]
    code = _path(head, got, urgency)[-1]
    return f"{code} ({label.probability:.2f})" if code == label.code else f"{code} (by rule)"


def _flags(got: Answer) -> str:
    return f"flags {', '.join(sorted(got.flags)) or 'none'}"


def _invariant(
    test: Invariant, variant: str, before: Answer, after: Answer, urgency: Head | None
) -> list[Miss]:
    misses = []
    for head in test.heads:
        was, is_now = _shown(head, before, urgency), _shown(head, after, urgency)
        if _path(head, before, urgency) != _path(head, after, urgency):
            misses.append(Miss(f"{head} {was} as before", f"{head} {is_now}", variant))
        elif _moved(head, before, after, urgency) > test.tolerance:
            wanted = f"{head} {was} within {test.tolerance:g}"
            misses.append(Miss(wanted, f"{head} {is_now}", variant))
    return misses


def _moved(head: str, before: Answer, after: Answer, urgency: Head | None) -> float:
    """How far the confidence moved: none is compared where rules have the last word."""
    if urgency is not None and head == urgency.name:
        return 0.0
    return abs(before.labels[head].probability - after.labels[head].probability)


def _directional(
    test: Directional, before: Answer, after: Answer, urgency: Head | None
) -> list[Miss]:
    misses = _labels(test.before, before, urgency, "before: ")
    misses += _labels(test.after, after, urgency, "after: ")
    if test.urgency is not None and urgency is not None:
        misses += _course(test.urgency, before, after, urgency)
    for flag in test.raises:
        misses += _switched(flag, before, after, "raises")
    for flag in test.clears:
        misses += _switched(flag, after, before, "clears")
    return [Miss(miss.expected, miss.got, test.changed) for miss in misses]


def _course(course: Course, before: Answer, after: Answer, urgency: Head) -> list[Miss]:
    if before.urgency is None or after.urgency is None:
        return [Miss(f"urgency: {course}", "no urgency")]
    # Rank 0 is the most severe.
    risen = urgency.rank(before.urgency) - urgency.rank(after.urgency)
    holds = {
        "rise": risen > 0,
        "fall": risen < 0,
        "same": risen == 0,
        "not_rise": risen <= 0,
        "not_fall": risen >= 0,
    }[course]
    return [] if holds else [Miss(f"urgency: {course}", f"{before.urgency} → {after.urgency}")]


def _switched(flag: str, without: Answer, with_it: Answer, verb: str) -> list[Miss]:
    if flag not in without.flags and flag in with_it.flags:
        return []
    place = "is there on both sides" if flag in without.flags else "is missing"
    return [Miss(f"{verb} flag {flag}", f"it {place}")]
