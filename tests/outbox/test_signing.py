from __future__ import annotations

import hashlib
import hmac

import pytest

from serving.outbox.signing import TOLERANCE, new_secret, sign, verify

BODY = b'{"kind": "order"}'


def test_the_form_is_what_receivers_are_told() -> None:
    expected = hmac.new(b"secret", b"1700000000." + BODY, hashlib.sha256).hexdigest()
    assert sign(["secret"], 1_700_000_000, BODY) == f"t=1700000000,v1={expected}"


def test_either_of_two_secrets_verifies() -> None:
    header = sign(["new", "old"], 100, BODY)
    assert verify("new", header, BODY, 100)
    assert verify("old", header, BODY, 100)
    assert not verify("other", header, BODY, 100)


@pytest.mark.parametrize(
    ("header", "body", "now"),
    [
        (sign(["s"], 100, BODY), BODY + b" ", 100),
        (sign(["s"], 100, BODY), BODY, 101 + TOLERANCE),
        (sign(["s"], 100, BODY), BODY, 99 - TOLERANCE),
        (sign(["s"], 100, BODY).replace("t=100", "t=101"), BODY, 100),
        ("t=100", BODY, 100),
        ("t=100,v1=", BODY, 100),
        ("v1=" + "0" * 64, BODY, 100),
        ("", BODY, 100),
    ],
)
def test_what_was_changed_or_is_old_does_not_verify(header: str, body: bytes, now: int) -> None:
    assert not verify("s", header, body, now)


def test_secrets_are_long_and_never_the_same() -> None:
    made = {new_secret() for _ in range(100)}
    assert len(made) == 100
    assert min(map(len, made)) > 40
