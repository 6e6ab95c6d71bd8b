"""The final urgency (紧急程度): the more severe of what the model and the rules say."""

from __future__ import annotations

from data.taxonomy.schema import Head
from serving.triage.rules import Findings
from serving.triage.types import Urgency


def final_urgency(head: Head, model_code: str, findings: Findings) -> Urgency:
    """max(model, rules): rules never lower the model, the model never lowers a rule."""
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
