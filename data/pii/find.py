"""Personal data in a text: where it stands and of what kind.

Stages run from the most specific to the vaguest on the folded text; what one stage takes is blanked
for the next, so that findings never overlap. Each stage is linear in the length of the text.
"""

from __future__ import annotations

from dataclasses import dataclass

from data.pii import contexts, keep, numbers, places
from data.pii.keep import MASK_SIGNS
from data.pii.scan import Hit, Kind, Scan
from data.text.normalise import NormalisedText, normalise

_STAGES = (
    keep.protect,
    keep.masked_forms,
    contexts.emails,
    contexts.accounts,
    contexts.social,
    places.plates,
    numbers.numbers,
    numbers.spoken_numbers,
    contexts.documents,
    places.addresses,
    contexts.names,
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One piece of personal data at `start`:`end` of the original text.

    `valid` is the outcome of the check digit (identity and bank cards) or of the numbering plan
    (telephones), None where there is nothing to check. `masked` says that the customer or an
    earlier system hid it already (138****1234, 尾号1234). A `service_number` (95588, 400-…) is a
    finding but not personal.
    """

    kind: Kind
    start: int
    end: int
    valid: bool | None = None
    masked: bool = False


def find(text: str) -> list[Finding]:
    """All findings in order of their place, without overlaps."""
    folded = normalise(text)
    return [finding(folded, hit) for hit in scan(folded)]


def scan(folded: NormalisedText) -> list[Hit]:
    """The same on the normalised text, in whose coordinates the hits are."""
    state = Scan(folded.text)
    for stage in _STAGES:
        state.take(stage(state.view))
    return _apart(folded, sorted(state.hits, key=lambda hit: hit.start))


def _apart(folded: NormalisedText, hits: list[Hit]) -> list[Hit]:
    """Two hits may share an original character that folds to several (⑬); the first has it."""
    kept: list[Hit] = []
    reached = 0
    for hit in hits:
        start, end = folded.span(hit.start, hit.end)
        if start >= reached:
            kept.append(hit)
            reached = end
    return kept


def finding(folded: NormalisedText, hit: Hit) -> Finding:
    """The hit on the original, with all stars of a mask, of which the folded text keeps three."""
    start, end = folded.span(hit.start, hit.end)
    while hit.masked and end < len(folded.original) and folded.original[end] in MASK_SIGNS:
        end += 1
    return Finding(hit.kind, start, end, hit.valid, hit.masked)
