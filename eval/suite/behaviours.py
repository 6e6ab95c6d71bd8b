"""The behaviour tests of a taxonomy, run on challenger and champion."""

from __future__ import annotations

from pathlib import Path

from eval.behaviours.answer import DAY, answerer, urgency_head
from eval.behaviours.run import BehaviourReport, run_behaviours
from eval.behaviours.suite import Suite, behaviours_for, load
from eval.suite.result import BehaviourFailure, BehavioursResult, CapabilityResult
from eval.suite.subject import Subject
from serving.triage.policy import PolicySet


def behaviours(
    challenger: Subject, champion: Subject | None, policies: PolicySet, path: Path | None = None
) -> BehavioursResult | None:
    """Of a file, or of those that ship for the taxonomy; None where there are none."""
    taxonomy = challenger.classifier.taxonomy
    source = path or behaviours_for(taxonomy)
    if source is None:
        return None
    policy = policies.at(DAY)
    head = urgency_head(policy, taxonomy)
    suite = load(source, taxonomy, urgency=head, flags=policy.rules.flags)
    report = _run(challenger, policies, suite)
    return _result(suite, report, _run(champion, policies, suite) if champion else None)


def _run(subject: Subject, policies: PolicySet, suite: Suite) -> BehaviourReport:
    answer = answerer(subject.classifier, policies, subject.classifier.taxonomy)
    return run_behaviours(answer, suite)


def _result(
    suite: Suite, report: BehaviourReport, before: BehaviourReport | None
) -> BehavioursResult:
    names = suite.capabilities
    table = tuple(
        CapabilityResult(
            capability=names[key],
            type=kind,
            cases=cell.cases,
            passed=cell.passed,
            champion_passed=before.rows[key].cells[kind].passed if before else None,
        )
        for key, row in report.rows.items()
        for kind, cell in row.cells.items()
    )
    failures = tuple(
        BehaviourFailure(
            id=each.id,
            capability=names[each.capability],
            type=each.kind,
            text=each.text,
            expected=miss.expected,
            got=f"{miss.got} ⇐ {miss.changed}" if miss.changed else miss.got,
        )
        for each in report.failures
        for miss in each.misses
    )
    total = report.total
    return BehavioursResult(
        cases=total.cases,
        passed=total.passed,
        rate=total.rate,
        champion_rate=before.total.rate if before else None,
        table=table,
        failures=failures,
    )
