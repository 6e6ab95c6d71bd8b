"""Readable masks for personal data, for logs, exports and screens."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import get_args

from data.pii.find import Finding, finding, scan
from data.pii.numbers import SPOKEN_DIGITS
from data.pii.scan import Hit, Kind
from data.text.normalise import NormalisedText, normalise

# Hotlines are not personal: who reads the text needs them.
PERSONAL: frozenset[Kind] = frozenset(get_args(Kind)) - {"service_number"}


@dataclass(frozen=True, slots=True)
class Masked:
    """The masked text, and what was found in the text before (spans are of that text).

    `findings` also has what was left: service numbers, and what was masked already.
    """

    text: str
    findings: tuple[Finding, ...]


def mask(text: str, kinds: Collection[Kind] = PERSONAL) -> Masked:
    """Hide the findings of `kinds`. Masking again changes nothing; service numbers always stay."""
    hidden = PERSONAL & frozenset(kinds)
    masked, findings = _once(text, hidden)
    # A mask may uncover a vaguer reading of what stands beside it. Every round hides more.
    before = text
    while masked != before:
        before, (masked, _) = masked, _once(masked, hidden)
    return Masked(masked, findings)


def _once(text: str, kinds: frozenset[Kind]) -> tuple[str, tuple[Finding, ...]]:
    folded = normalise(text)
    parts: list[str] = []
    findings: list[Finding] = []
    reached = 0
    for hit in scan(folded):
        found = finding(folded, hit)
        findings.append(found)
        if hit.kind in kinds and not hit.masked:
            parts += (text[reached : found.start], _MASKS[hit.kind](_shown(folded, hit)))
            reached = found.end
    return "".join([*parts, text[reached:]]), tuple(findings)


def _shown(folded: NormalisedText, hit: Hit) -> str:
    """What the mask keeps pieces of: as written if plain, else folded, spoken digits as digits."""
    start, end = folded.span(hit.start, hit.end)
    written = folded.original[start:end]
    if written.isascii():
        return written
    shown = folded.text[hit.start : hit.end]
    return shown.translate(SPOKEN_DIGITS) if hit.kind in _NUMERIC else shown


def _signs(shown: str) -> str:
    return re.sub(r"[^a-zA-Z0-9]", "", shown)


def _middle(head: int, tail: int) -> Callable[[str], str]:
    """Hide all but `head` first and `tail` last signs, without separators."""

    def masked(shown: str) -> str:
        signs = _signs(shown)
        return signs[:head] + "*" * (len(signs) - head - tail) + signs[len(signs) - tail :]

    return masked


def _mobile(shown: str) -> str:
    signs = _signs(shown)
    return f"{signs[:-8]}****{signs[-4:]}"


def _landline(shown: str) -> str:
    """The area code stays, an extension does not."""
    area = re.match(r"(?:0|(?:00)?86[- .]?)(?:10|2\d|[3-9]\d\d)", shown)
    local = _signs(re.split(r"[转#]|-\d{1,5}$", shown[area.end() if area else 0 :])[0])
    joint = ")" if ")" in shown else "-" if area else ""
    return f"{area.group() if area else ''}{joint}****{local[-4:]}"


def _email(shown: str) -> str:
    local, _, domain = shown.partition("@")
    return f"{local[0] if len(local) > 1 else ''}***@{domain}"


def _plate(shown: str) -> str:
    signs = re.sub(r"[·. -]", "", shown).upper()
    return f"{signs[:2]}{'*' * (len(signs) - 4)}{signs[-2:]}"


def _account(shown: str) -> str:
    signs = _signs(shown)
    return _middle(0, 4 if len(signs) >= 8 else 2)(shown)


def _first(shown: str) -> str:
    return shown[0] + "*" * (len(shown) - 1)


_NUMERIC = frozenset({"id_card", "bank_card", "mobile", "landline", "account"})
_MASKS: dict[Kind, Callable[[str], str]] = {
    "id_card": _middle(3, 4),
    "bank_card": _middle(4, 4),
    "mobile": _mobile,
    "landline": _landline,
    "email": _email,
    "passport": _middle(1, 4),
    "plate": _plate,
    "address": lambda _: "****",
    "account": _account,
    "social": _first,
    "name": _first,
}
