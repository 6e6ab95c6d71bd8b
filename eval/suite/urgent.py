"""Which levels of an ordinal head are urgent: what the policy says, not what a code is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from data.taxonomy.schema import Head
from serving.triage.policy import Policy


def urgent_levels(
    head: Head, policy: Policy, given: Mapping[str, Sequence[str]] | None = None
) -> frozenset[str]:
    """The urgent codes of a head: `given` by name, else the policy's, else the severe half.

    The policy's are those it wants a rule or a person for (`needs_rule`, `always`), and all that
    are more severe. Heads that are not ordinal have none.
    """
    if head.kind != "ordinal":
        return frozenset()
    if given and head.name in given:
        return frozenset(given[head.name])
    named = {*policy.review.needs_rule, *policy.review.always}
    if policy.roles.urgency == head.name and named:
        mildest = max(head.rank(code) for code in named)
    else:
        mildest = max(1, len(head.leaves) // 2) - 1
    return frozenset(head.leaves[: mildest + 1])
