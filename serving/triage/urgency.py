"""The final urgency (紧急程度): the more severe of what the model and the rules say."""

from __future__ import annotations

from data.taxonomy.schema import Head
from model.classifier import HeadPrediction
from serving.triage.rules import Findings
from serving.triage.types import Urgency


def final_urgency(
    head: Head, said: HeadPrediction, findings: Findings, severe_at: float | None = None
) -> Urgency:
    """max(model, rules): rules never lower the model, the model never lowers a rule."""
    model_code = model_level(head, said, severe_at)
    levelled = [fired for fired in findings.fired if fired.level is not None]
    codes = [model_code, *(fired.level for fired in levelled if fired.level is not None)]
    code = min(codes, key=head.rank)
    deciding = [fired for fired in levelled if fired.level == code]
    return Urgency(
        head=head.name,
        code=code,
        model_code=model_code,
        rules=tuple(fired.rule for fired in deciding),
        hits=tuple(hit for fired in deciding for hit in fired.hits),
    )


def model_level(head: Head, said: HeadPrediction, severe_at: float | None) -> str:
    """What the model asks for: its answer, or a level above that is likely enough.

    With `severe_at`, the most severe level whose chance, with those above it, reaches that. An
    urgent complaint missed costs more than a false alarm, so that less than a half may do.
    """
    if severe_at is None:
        return said.code
    reached = said.probabilities.cumsum() >= severe_at
    likely = head.leaves[int(reached.argmax())] if reached.any() else said.code
    return min(said.code, likely, key=head.rank)
