"""Sign what goes to departments: `Suda-Signature: t=<unix time>,v1=<hex of HMAC-SHA256>`."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence

HEADER = "Suda-Signature"
TOLERANCE = 300
"""Seconds by which the clocks of sender and receiver may differ; older messages are refused."""

_FORM = re.compile(r"t=(\d{1,12})((?:,v1=[0-9a-f]{64})+)")


def new_secret() -> str:
    """A random secret: 256 bits."""
    return f"whsec_{secrets.token_urlsafe(32)}"


def sign(keys: Sequence[str], at: int, body: bytes) -> str:
    """The header's value: one signature for each secret that is valid now, over `t.body`."""
    signed = ",".join(f"v1={_digest(key, at, body)}" for key in keys)
    return f"t={at},{signed}"


def verify(key: str, header: str, body: bytes, now: float, tolerance: int = TOLERANCE) -> bool:
    """What a receiver checks: signed with `key`, and lately."""
    found = _FORM.fullmatch(header)
    if found is None:
        return False
    at = int(found[1])
    expected = _digest(key, at, body)
    given = found[2].removeprefix(",v1=").split(",v1=")
    signed = sum(hmac.compare_digest(expected, one) for one in given) > 0
    return signed and abs(now - at) <= tolerance


def _digest(key: str, at: int, body: bytes) -> str:
    return hmac.new(key.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
