"""What a reviewer says about a complaint, checked against the taxonomy and the rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from data.errors import InputError
from data.taxonomy.schema import Taxonomy
from serving.review.redecide import Ground

_LONGEST = 2_000


@dataclass(frozen=True, slots=True)
class Choice:
    """A code for each head; `why_below` is needed where the urgency is below what rules ask for."""

    labels: Mapping[str, str]
    comment: str = ""
    why_below: str = ""

    @property
    def words(self) -> str | None:
        """What they wrote, as the label records keep it."""
        below = f"低于规则级别：{self.why_below.strip()}" if self.why_below.strip() else ""
        return "；".join(part for part in (self.comment.strip(), below) if part) or None


def check(choice: Choice, model: Mapping[str, Any], ground: Ground, *, blind: bool) -> None:
    """Raise InputError unless every head of the answer has a leaf, and what needs a reason has one.

    The labelling guide allows no inner node: what cannot be told apart has an 其他 of its own. Who
    is `blind` is not asked for a reason, which would tell what the rules found.
    """
    for name in ("comment", "why_below"):
        if len(getattr(choice, name)) > _LONGEST:
            raise InputError(f"expected at most {_LONGEST} characters", field=name)
    codes(choice.labels, {h for h in model["labels"] if h in ground.taxonomy}, ground.taxonomy)
    if not blind and ground.below_floor(choice.labels) and not choice.why_below.strip():
        raise InputError(
            f"rules ask for {ground.floor}; expected a reason for going below", field="why_below"
        )


def codes(labels: Mapping[str, str], heads: set[str], taxonomy: Taxonomy) -> None:
    """Raise InputError unless each of `heads`, and nothing else, has a leaf."""
    if unknown := set(labels) - heads:
        raise InputError(f"expected heads among {sorted(heads)}", field=f"labels.{min(unknown)}")
    for head in sorted(heads):
        if head not in labels:
            raise InputError("expected a code", field=f"labels.{head}")
        code = labels[head]
        if code not in taxonomy[head].by_code:
            raise InputError(f"{code[:64]!r} is not a code of {head}", field=f"labels.{head}")
        if code not in taxonomy[head].leaf_index:
            raise InputError(f"{code} has finer codes below it; name one", field=f"labels.{head}")
