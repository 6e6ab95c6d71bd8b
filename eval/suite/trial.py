"""One subject's turn: its answers to the cases, as arrays that can be measured and compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.labelled import LabelledText
from data.taxonomy.schema import Head
from eval.significance import Measure
from eval.suite.answers import Answered, answer
from eval.suite.config import SuiteConfig
from eval.suite.costs import Costs
from eval.suite.decisions import DecisionArrays
from eval.suite.heads import HeadArrays
from eval.suite.subject import Subject
from eval.suite.urgent import urgent_levels
from serving.triage.policy import PolicySet


@dataclass(frozen=True)
class Trial:
    """What a subject answered, by head and end to end."""

    subject: Subject
    answered: Sequence[Answered]
    heads: Mapping[str, HeadArrays]
    decisions: DecisionArrays

    @classmethod
    def run(
        cls,
        subject: Subject,
        cases: Sequence[LabelledText],
        policies: PolicySet,
        costs: Costs,
        config: SuiteConfig,
        on_text: Callable[[int], None],
    ) -> Trial:
        """Answer every case as the service would."""
        taxonomy = subject.classifier.taxonomy
        policy = policies.at(config.received_at)
        answered = answer(subject.classifier, policies, cases, config.received_at, on_text)
        urgent = {head.name: urgent_levels(head, policy, config.urgent) for head in taxonomy.heads}
        role = policy.roles.urgency
        labelled = [head for head in taxonomy.heads if _any_label(head, cases)]
        return cls(
            subject=subject,
            answered=answered,
            heads={
                head.name: HeadArrays.of(head, answered, urgent[head.name], subject.precision)
                for head in labelled
            },
            decisions=DecisionArrays.of(answered, costs, role, urgent.get(role or "", frozenset())),
        )

    def measures(self, side: str) -> dict[str, Measure]:
        """Named for `eval.significance.resample`: "<side>:<head>" and "<side>:decisions:"."""
        heads = {f"{side}:{name}": arrays.measure for name, arrays in self.heads.items()}
        return {**heads, f"{side}:decisions:": self.decisions.measure}

    def promised(self, head: str) -> tuple[float | None, float | None, float]:
        """Precision and alpha as the manifest states them, and the head's review threshold."""
        return (*self.subject.promised, self.subject.manifest.heads[head].review)

    def rights(self) -> dict[str, NDArray[np.float64]]:
        """What slices are measured by: a column (n,) per head, and whether the lead was right."""
        columns = {}
        for name, arrays in self.heads.items():
            column = np.full(len(self.answered), np.nan)
            column[arrays.rows] = arrays.means["accuracy"]
            columns[f"{name}.accuracy"] = column
        lead = self.decisions.means["lead_right"]
        return columns if np.isnan(lead).all() else {**columns, "lead_right": lead}


def _any_label(head: Head, cases: Sequence[LabelledText]) -> bool:
    return any(head.name in item.labels for item in cases)
