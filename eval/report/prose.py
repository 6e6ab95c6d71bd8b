"""The result in one paragraph, for who reads nothing else."""

from __future__ import annotations

from eval.report import numbers
from eval.report.rows import Row, course_of, metric_name, rows
from eval.report.words import Phrase, joined, phrase, say
from eval.suite.result import HeadResult, MetricResult, SuiteResult

_FIRST = ("lead_right", "review_rate", "urgent_missed_unseen")


def summary(result: SuiteResult) -> Phrase:
    """What was evaluated, how good it is, against whom, and what people still have to do."""
    parts = [_subject(result), _heads(result), *_decisions(result), *_comparison(result)]
    return joined(parts, "", " ")


def verdict(result: SuiteResult) -> Phrase:
    """May it serve, and why not."""
    if result.passed:
        unknown = sum(gate.status == "unknown" for gate in result.gates)
        if not result.gates:
            return say("verdict_no_gates")
        return say("verdict_but_unknown", n=unknown) if unknown else say("verdict_pass")
    return say("verdict_fail", n=len(result.stopping), total=len(result.gates))


def tiles(result: SuiteResult) -> list[tuple[Phrase, Row]]:
    """The figures to see first: how often each head is right, and what that does to people."""
    found = [
        (joined([phrase(head.title, head.head), metric_name("accuracy")], " ", " "), accuracy)
        for head in result.heads.values()
        if (accuracy := head.metrics.get("accuracy"))
    ]
    metrics = result.decisions.metrics
    found += [(metric_name(name), metrics[name]) for name in _FIRST if name in metrics]
    return [(name, row) for name, item in found for row in rows([item])]


def _subject(result: SuiteResult) -> Phrase:
    return say(
        "prose_subject",
        model=result.challenger.version,
        n=f"{result.data.n:,}",
        data=result.data.name,
    )


def _heads(result: SuiteResult) -> Phrase:
    return say("prose_heads", heads=joined([_head(head) for head in result.heads.values()]))


def _head(head: HeadResult) -> Phrase:
    accuracy = head.metrics["accuracy"]
    values = {
        "head": phrase(head.title, head.head),
        "accuracy": numbers.show("accuracy", accuracy.value.value),
        "interval": numbers.interval("accuracy", accuracy.value),
        "coverage": f"{head.promise.coverage:.0%}",
    }
    if head.promise.kept is None:
        return say("prose_head_none_kept", **values)
    if head.promise.precision is None:
        return say("prose_head_kept", kept=f"{head.promise.kept:.1%}", **values)
    kept = head.promise.kept >= head.promise.precision
    return say(
        "prose_head_promise" if kept else "prose_head_broken",
        kept=f"{head.promise.kept:.1%}",
        promise=f"{head.promise.precision:.1%}",
        **values,
    )


def _decisions(result: SuiteResult) -> list[Phrase]:
    metrics = result.decisions.metrics
    parts = [
        say(f"prose_{name}", value=numbers.show(name, metrics[name].value.value))
        for name in ("lead_right", "review_rate")
        if name in metrics
    ]
    sentences = [say("prose_decisions", parts=joined(parts, "，", ", "))] if parts else []
    if result.decisions.urgent_texts:
        sentences.append(
            say(
                "prose_urgent",
                total=result.decisions.urgent_texts,
                missed=len(result.decisions.urgent_missed),
            )
        )
    return sentences


def _comparison(result: SuiteResult) -> list[Phrase]:
    if result.champion is None:
        return [say("prose_alone")]
    compared = [
        (head, head.metrics["accuracy"])
        for head in result.heads.values()
        if head.metrics["accuracy"].difference
    ]
    if not compared:
        return []
    parts = joined([_compared(head, metric) for head, metric in compared], "，", ", ")
    return [say("prose_champion", champion=result.champion.version, parts=parts)]


def _compared(head: HeadResult, metric: MetricResult) -> Phrase:
    assert metric.difference is not None  # noqa: S101 - asked by the caller
    return say(
        f"prose_{course_of(metric)}",
        head=phrase(head.title, head.head),
        difference=numbers.difference(metric.name, metric.difference.value),
    )
