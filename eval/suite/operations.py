"""How a bundle serves: time, size, and whether a text's answer depends on its company."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from data.labelled import LabelledText
from data.text.normalise import NormalisedText, normalise
from eval.suite.config import Operating
from eval.suite.result import Leak, Operations
from eval.suite.subject import Subject
from model.answer import probabilities
from model.classifier import Floats

Probabilities = dict[str, Floats]
_WARM_UP = 5


def operations(
    subjects: Sequence[Subject],
    cases: Sequence[LabelledText],
    options: Operating,
    clock: Callable[[], float] = time.perf_counter,
) -> list[Operations]:
    """Of every subject; they are timed text by text in turns, so that all meet the same weather."""
    times = _times(subjects, _spread(cases, options.timed), clock)
    repeated = _spread(cases, options.repeated)
    found = []
    for subject, taken in zip(subjects, times, strict=True):
        variant = variants(subject, [item.text for item in repeated], options.threads)
        found.append(
            Operations(
                latency_ms=float(np.median(taken)),
                latency_p95_ms=float(np.percentile(taken, 95)),
                size_mb=round(subject.size_mb, 3),
                checked=len(repeated),
                variant=len(variant),
                variant_examples=tuple(repeated[i].id for i in variant[:5]),
            )
        )
    return found


def _spread(cases: Sequence[LabelledText], count: int) -> list[LabelledText]:
    """At most `count` cases, evenly spaced over lengths: the same ones every time."""
    ordered = sorted(cases, key=lambda item: (len(item.text), item.id))
    places = np.linspace(0, len(ordered) - 1, min(count, len(ordered)))
    return [ordered[int(place)] for place in places]


def _times(
    subjects: Sequence[Subject], cases: Sequence[LabelledText], clock: Callable[[], float]
) -> list[list[float]]:
    """Milliseconds from raw text to prediction, on one thread."""
    for subject in subjects:
        for item in cases[:_WARM_UP]:
            subject.classifier.predict(normalise(item.text))
    times: list[list[float]] = [[] for _ in subjects]
    for item in cases:
        for subject, taken in zip(subjects, times, strict=True):
            start = clock()
            subject.classifier.predict(normalise(item.text))
            taken.append(1e3 * (clock() - start))
    return times


def variants(subject: Subject, texts: Sequence[str], threads: int) -> list[int]:
    """Places of the texts whose probabilities are not the same bits in every company.

    Alone; again; in one list, as evaluation scores; among neighbours in other threads.
    """
    normalised = [normalise(text) for text in texts]
    alone = [_ask(subject, text) for text in normalised]
    asked = [
        *enumerate(_ask(subject, text) for text in normalised),
        *enumerate(_listed(subject, normalised)),
        *_beside(subject, normalised, threads),
    ]
    return sorted({i for i, other in asked if not _same(alone[i], other)})


def _ask(subject: Subject, text: NormalisedText) -> Probabilities:
    heads = subject.classifier.predict(text).heads
    return {name: head.probabilities for name, head in heads.items()}


def _listed(subject: Subject, texts: Sequence[NormalisedText]) -> list[Probabilities]:
    logits = subject.classifier.logits(texts)
    calibration = {name: head.calibration() for name, head in subject.manifest.heads.items()}
    return [
        {name: probabilities(rows[i], calibration[name]) for name, rows in logits.items()}
        for i in range(len(texts))
    ]


def _beside(
    subject: Subject, texts: Sequence[NormalisedText], threads: int
) -> list[tuple[int, Probabilities]]:
    order = list(range(len(texts))) * 2
    random.Random(0).shuffle(order)  # noqa: S311 - an order, not a secret
    with ThreadPoolExecutor(threads) as pool:
        answers = list(pool.map(lambda i: _ask(subject, texts[i]), order))
    return list(zip(order, answers, strict=True))


def _same(one: Probabilities, other: Probabilities) -> bool:
    return one.keys() == other.keys() and all(
        np.array_equal(one[name], other[name]) for name in one
    )


def leak(subject: Subject, cases: Sequence[LabelledText], examples: int) -> Leak:
    """How many of the cases the subject saw before."""
    if subject.seen is None:
        return Leak(len(cases), None, None)
    trained = {item.id for item in cases if subject.seen.trained_on(item.text)}
    calibrated = {item.id for item in cases if subject.seen.calibrated_on(item.text)}
    either = [item.id for item in cases if item.id in trained | calibrated]
    return Leak(
        n=len(cases),
        trained=len(trained),
        calibrated=len(calibrated),
        examples=tuple(either[:examples]),
        seen=len(either),
    )
