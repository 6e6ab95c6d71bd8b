"""Put a registered challenger and the champion before the suite, and keep what it says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from data.labelled import LabelledText
from eval.suite.config import SuiteConfig
from eval.suite.config import load as load_suite
from eval.suite.result import CaseResult, GateResult, SuiteResult
from eval.suite.run import Extras, run_suite
from eval.suite.subject import Subject
from model.registry.check import digest_of
from model.registry.registry import Registry
from model.registry.verdict import Verdict

EXAMPLES = 3
_LONGEST = 120


@dataclass(frozen=True, slots=True)
class Court:
    """What challengers are judged by: the cases, where they come from, and the suite's gates."""

    cases: Sequence[LabelledText]
    name: str
    suite: SuiteConfig

    @classmethod
    def open(cls, cases: Sequence[LabelledText], name: str, suite: Path | None) -> Court:
        """With the gates of a file, or the shipped ones.

        A bundle that does not say what it learnt from is not believed: leaving the list out would
        be the way around the gate.
        """
        config = load_suite(suite) if suite else load_suite()
        gates = [
            gate.model_copy(update={"required": True}) if gate.metric == "leaked" else gate
            for gate in config.metric
        ]
        return cls(cases, name, config.model_copy(update={"metric": gates}))

    def compare(
        self,
        challenger: Path,
        champion: Path | None,
        on_step: Callable[[str], None] = lambda _: None,
    ) -> SuiteResult:
        """Run the suite on two bundles over the same cases."""
        return run_suite(
            Subject.load(challenger),
            self.cases,
            champion=Subject.load(champion) if champion else None,
            config=self.suite,
            extras=Extras(data=self.name),
            on_step=on_step,
        )


def judge(
    store: Registry,
    version: str,
    court: Court,
    on_step: Callable[[str], None] = lambda _: None,
) -> tuple[SuiteResult, Verdict]:
    """Judge a registered version against the present champion and keep the verdict."""
    champion = store.champion
    other = store.bundle_of(champion) if champion else None
    path = store.bundle_of(version)
    result = court.compare(path, other, on_step)
    verdict = verdict_of(result, path, other)
    store.judge(verdict, result.as_json())
    return result, verdict


def verdict_of(result: SuiteResult, challenger: Path, champion: Path | None) -> Verdict:
    """The suite's outcome as the registry keeps it."""
    return Verdict(
        challenger=result.challenger.version,
        challenger_digest=digest_of(challenger),
        champion=result.champion.version if result.champion else None,
        champion_digest=digest_of(champion) if champion else None,
        passed=result.passed,
        gates=len(result.gates),
        failed=tuple(str(gate) for gate in result.stopping),
        cases=result.data.sha256,
        suite=result.suite,
        at=result.created_at,
    )


def reasons(result: SuiteResult) -> list[str]:
    """Per gate that stops the challenger: metric, place, numbers, and its worst examples."""
    return [_reason(result, gate) for gate in result.stopping]


def _reason(result: SuiteResult, gate: GateResult) -> str:
    lines = [str(gate)]
    for name in gate.examples[:EXAMPLES]:
        case = result.cases.get(name)
        lines.append(f"  · {_example(case)}" if case else f"  · {name}")
    return "\n".join(lines)


def _example(case: CaseResult) -> str:
    wrong = [
        f"{name} {head.gold}, answered {head.predicted} ({head.confidence:.2f})"
        for name, head in case.heads.items()
        if head.right is False
    ]
    text = case.text if len(case.text) <= _LONGEST else f"{case.text[:_LONGEST]}…"
    return f"[{case.id}] {text} — {'; '.join(wrong) or 'answered rightly'}"
