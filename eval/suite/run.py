"""Run the suite on a challenger, and on the champion over the same texts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from data.errors import InputError
from data.labelled import LabelledText
from eval.suite.behaviours import behaviours
from eval.suite.cases import referenced
from eval.suite.comparison import Comparison
from eval.suite.config import SuiteConfig, for_taxonomy
from eval.suite.costs import costs_for
from eval.suite.gates import Measured, judge
from eval.suite.http import Service, served
from eval.suite.result import DataResult, Served, SuiteResult
from eval.suite.subject import Subject
from eval.suite.trial import Trial
from serving.triage.policy import PolicySet, packs_for
from serving.triage.policy import load as load_policies

Step = Callable[[str], None]
Done = Callable[[int], None]


@dataclass(frozen=True)
class Extras:
    """What a run may be told beyond bundles and texts.

    `policy` and `behaviours` are paths in place of what ships for the taxonomy, `service` a
    running service to ask too, `data` what to call the texts.
    """

    data: str = ""
    policy: Path | None = None
    behaviours: Path | None = None
    service: Service | None = None


def run_suite(
    challenger: Subject,
    cases: Sequence[LabelledText],
    *,
    config: SuiteConfig,
    champion: Subject | None = None,
    extras: Extras = Extras(),
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    on_step: Step = lambda _: None,
    on_text: Done = lambda _: None,
) -> SuiteResult:
    """Measure everything and hold it against the gates.

    `on_step` is told what begins, `on_text` how many texts of a step are done. Raises InputError
    where there is no text, or where the champion answers other labels.
    """
    _check(challenger, champion, cases)
    taxonomy = challenger.classifier.taxonomy
    config = for_taxonomy(config, taxonomy)
    policies = load_policies(extras.policy or packs_for(taxonomy), taxonomy)
    compared = _trials(challenger, champion, cases, policies, config, on_step, on_text)
    asked = _served(extras.service, compared.challenger, config, on_step, on_text)
    on_step("measuring")
    heads = compared.heads()
    decisions = compared.decisions(policies.at(config.received_at).stamp)
    on_step("looking for the worst slices")
    slices, worst = compared.slices()
    on_step("timing")
    models = compared.models(cases)
    on_step("trying behaviours")
    behaved = behaviours(challenger, champion, policies, extras.behaviours)
    other = models[1] if champion is not None else None
    measured = Measured(heads, decisions, slices, models[0], other, behaved, asked)
    gates = judge(measured, config)
    return SuiteResult(
        created_at=now().isoformat(),
        suite=config.name,
        data=describe(extras.data, cases),
        taxonomy=taxonomy.stamp,
        challenger=models[0],
        champion=other,
        heads=heads,
        decisions=decisions,
        slices=slices,
        worst_slices=worst,
        behaviours=behaved,
        served=asked,
        gates=gates,
        cases=compared.cases(referenced(heads.values(), decisions, worst, models, asked, gates)),
    )


def _trials(
    challenger: Subject,
    champion: Subject | None,
    cases: Sequence[LabelledText],
    policies: PolicySet,
    config: SuiteConfig,
    on_step: Step,
    on_text: Done,
) -> Comparison:
    departments = list(policies.at(config.received_at).router.departments)
    costs = costs_for(config, challenger.classifier.taxonomy, departments)
    on_step("answering: challenger")
    one = Trial.run(challenger, cases, policies, costs, config, on_text)
    if champion is None:
        return Comparison(config, costs, one, None)
    on_step("answering: champion")
    other = Trial.run(champion, cases, policies, costs, config, on_text)
    return Comparison(config, costs, one, other)


def _served(
    service: Service | None, trial: Trial, config: SuiteConfig, on_step: Step, on_text: Done
) -> Served | None:
    if service is None:
        return None
    on_step("asking the service")
    version = trial.subject.classifier.version
    return served(service, version, trial.answered, config.examples, on_text)


def describe(name: str, cases: Sequence[LabelledText]) -> DataResult:
    """What was evaluated on: size, labels, and a hash over ids, texts and labels."""
    digest = hashlib.sha256()
    labelled: dict[str, int] = {}
    for item in cases:
        digest.update(f"{item.id}\0{item.text}\0{sorted(item.labels.items())}\n".encode())
        for head in item.labels:
            labelled[head] = labelled.get(head, 0) + 1
    return DataResult(name, len(cases), digest.hexdigest(), labelled)


def _check(challenger: Subject, champion: Subject | None, cases: Sequence[LabelledText]) -> None:
    if not cases:
        raise InputError("expected at least one labelled text", field="cases")
    if champion is None:
        return
    one, other = _codes(challenger), _codes(champion)
    for head in [*one, *other]:
        if one.get(head) != other.get(head):
            raise InputError(
                f"head {head} has other labels than the challenger's: they cannot be compared",
                field=f"champion {champion.classifier.version}",
            )


def _codes(subject: Subject) -> dict[str, frozenset[str]]:
    return {head.name: frozenset(head.by_code) for head in subject.classifier.taxonomy.heads}
