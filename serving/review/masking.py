"""Hide personal data sign for sign, so that every span of the text still stands where it stood."""

from __future__ import annotations

from dataclasses import dataclass

from data.pii.find import Finding, find
from data.pii.mask import PERSONAL

_SIGN = "＊"
# Kinds whose last digits tell people which card or number is meant.
_TAILED = frozenset({"id_card", "bank_card", "mobile", "landline", "account"})
_TAIL = 4
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Hidden:
    """The text with personal data hidden, as long as before, and what was found where."""

    text: str
    findings: tuple[Finding, ...]


def hide(text: str) -> Hidden:
    """Hide what is personal; what the customer or an earlier system hid stays as it is."""
    hidden, found = text, list[Finding]()
    # Hiding may uncover a vaguer reading of what stands beside it.
    for _ in range(_ROUNDS):
        open_ = [f for f in find(hidden) if f.kind in PERSONAL and not f.masked]
        if not open_:
            break
        for finding in open_:
            shown = _shown(hidden[finding.start : finding.end], finding.kind)
            hidden = hidden[: finding.start] + shown + hidden[finding.end :]
        found += open_
    return Hidden(hidden, tuple(sorted(found, key=lambda finding: finding.start)))


def _shown(written: str, kind: str) -> str:
    keep_first = kind == "name"
    tail = _TAIL if kind in _TAILED and sum(sign.isalnum() for sign in written) > 2 * _TAIL else 0
    body = written[: len(written) - tail]
    start = body[:1] if keep_first else ""
    return start + _SIGN * (len(body) - len(start)) + written[len(written) - tail :]
