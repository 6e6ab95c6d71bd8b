"""Check that a work order is from Suda, and fresh."""

from __future__ import annotations

import hashlib
import hmac
import re
import time

HEADER = "Suda-Signature"
TOLERANCE = 300
"""Seconds that the sender's clock and ours may differ, and that a repeat of old bytes is taken."""

_FORM = re.compile(r"t=(\d{1,12})((?:,v1=[0-9a-f]{64})+)")


class SignatureError(Exception):
    """Not signed with this secret, or too long ago: answer 400 and do nothing."""


def verify(
    secret: str | bytes,
    header: str,
    body: bytes,
    *,
    now: float | None = None,
    tolerance: int = TOLERANCE,
) -> None:
    """Raise SignatureError unless `header` signs exactly these bytes.

    Give the body as it came, before any parsing. While a secret is being changed the header carries
    a signature for each; one that fits is enough. Deliveries come at least once: keep the ids of
    those you have seen.
    """
    found = _FORM.fullmatch(header.replace(" ", ""))
    if found is None:
        raise SignatureError(f"expected {HEADER}: t=…,v1=…")
    if abs((time.time() if now is None else now) - int(found[1])) > tolerance:
        raise SignatureError("signed too long ago, or the clocks differ")
    wanted = sign(secret, int(found[1]), body)
    given = found[2].split(",v1=")[1:]
    if not any(hmac.compare_digest(wanted, each) for each in given):
        raise SignatureError("is not of this secret")


def sign(secret: str | bytes, at: int, body: bytes) -> str:
    """HMAC-SHA256 over the time, a dot and the body, in hex."""
    key = secret.encode() if isinstance(secret, str) else secret
    return hmac.new(key, str(at).encode() + b"." + body, hashlib.sha256).hexdigest()
