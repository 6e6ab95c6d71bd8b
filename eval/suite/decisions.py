"""End to end: where complaints go, what that costs, and what of the urgent is missed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval import weighted
from eval.suite.answers import Answered
from eval.suite.costs import Costs
from eval.suite.result import DecisionResult, MetricResult, Misroute
from eval.weighted import Weights


@dataclass(frozen=True)
class DecisionArrays:
    """Figures that are means over texts, (n,) each, NaN where a text cannot tell."""

    means: Mapping[str, NDArray[np.float64]]

    @classmethod
    def of(
        cls, answered: Sequence[Answered], costs: Costs, head: str | None, urgent: frozenset[str]
    ) -> DecisionArrays:
        """`head` is the urgency head of the policy, `urgent` its urgent codes."""
        rows = {
            **_routing(answered, costs),
            "review_rate": [float(each.decision.review.needed) for each in answered],
            **_urgency(answered, head, urgent),
        }
        return cls({name: np.array(values, dtype=np.float64) for name, values in rows.items()})

    def measure(self, weights: Weights) -> dict[str, float]:
        """Every figure, for `eval.significance.resample`."""
        return {name: weighted.mean(values, weights) for name, values in self.means.items()}


def _routing(answered: Sequence[Answered], costs: Costs) -> dict[str, list[float]]:
    nothing = float("nan")
    rows: dict[str, list[float]] = defaultdict(list)
    for each in answered:
        gold, decision = each.gold, each.decision
        lead = decision.routing.lead.code
        known = gold.lead is not None
        rows["lead_right"].append(float(lead == gold.lead) if known else nothing)
        rows["lead_lenient"].append(float(lead in gold.leads) if known else nothing)
        rows["misrouting_cost"].append(
            costs.of(decision, gold.lead) if gold.lead is not None else nothing
        )
        due = tuple((clock.clock, clock.due_at) for clock in decision.deadlines)
        timed = gold.deadlines is not None
        rows["deadlines_right"].append(float(due == gold.deadlines) if timed else nothing)
    return rows


def _urgency(
    answered: Sequence[Answered], head: str | None, urgent: frozenset[str]
) -> dict[str, list[float]]:
    nothing = float("nan")
    rows: dict[str, list[float]] = defaultdict(list)
    for each in answered:
        gold = each.item.labels.get(head or "")
        called = each.decision.urgency is not None and each.decision.urgency.code in urgent
        seen = each.decision.review.needed
        is_urgent, is_not = gold in urgent, gold is not None and gold not in urgent
        rows["urgent_missed"].append(float(not called) if is_urgent else nothing)
        rows["urgent_missed_unseen"].append(
            float(not called and not seen) if is_urgent else nothing
        )
        rows["false_urgent"].append(float(called) if is_not else nothing)
    return rows


def decision_result(
    answered: Sequence[Answered],
    champion: Sequence[Answered] | None,
    arrays: DecisionArrays,
    metrics: Mapping[str, MetricResult],
    policy: str,
    costs: Costs,
    examples: int,
) -> DecisionResult:
    """The figures with the misroutes and the urgent texts behind them."""
    missed = arrays.means["urgent_missed"]
    return DecisionResult(
        n=len(answered),
        policy=policy,
        metrics=dict(metrics),
        misroutes=_misroutes(answered, costs, examples),
        review_reasons=_reasons(answered),
        champion_review_reasons=_reasons(champion or ()),
        urgent_texts=int((~np.isnan(missed)).sum()),
        urgent_missed=tuple(answered[int(i)].item.id for i in np.flatnonzero(missed == 1.0)),
    )


def _misroutes(answered: Sequence[Answered], costs: Costs, examples: int) -> tuple[Misroute, ...]:
    wrong: dict[tuple[str, str], list[Answered]] = defaultdict(list)
    for each in answered:
        lead = each.decision.routing.lead.code
        if each.gold.lead is not None and each.gold.lead != lead:
            wrong[each.gold.lead, lead].append(each)
    found = [_misroute(gold, group, costs, examples) for (gold, _), group in wrong.items()]
    return tuple(sorted(found, key=lambda m: (-m.cost, -m.n, m.gold, m.answered)))


def _misroute(gold: str, group: Sequence[Answered], costs: Costs, examples: int) -> Misroute:
    lead = group[0].decision.routing.lead
    silent = [each for each in group if not each.decision.review.needed]
    others = [each for each in group if each.decision.review.needed]
    return Misroute(
        gold=gold,
        gold_name=group[0].gold.lead_name or gold,
        answered=lead.code,
        answered_name=lead.name,
        n=len(group),
        silent=len(silent),
        cost=round(sum(costs.of(each.decision, gold) for each in group), 2),
        examples=tuple(each.item.id for each in [*silent, *others][:examples]),
    )


def _reasons(answered: Sequence[Answered]) -> dict[str, float]:
    counts = Counter(reason for each in answered for reason in each.decision.review.reasons)
    return {reason: round(n / len(answered), 4) for reason, n in counts.most_common()}
