"""One message over a real socket, whatever the receiver does."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import ssl
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from data.errors import InputError
from serving.outbox.sender import Destination, HttpSender, Outcome
from serving.outbox.signing import HEADER, verify
from tests.outbox.receiver import (
    Behaviour,
    Receiver,
    dripping,
    endless,
    ok,
    raw,
    receiving,
    slow,
    status,
)

BODY = '{"text": "没人理我"}'.encode()
SECRETS = ("s" * 32, "o" * 32)


def sent(
    url: str, *, timeout: float = 2.0, private: bool = True, ca: Path | None = None,
    found: Sequence[str] | None = None,
) -> Outcome:  # fmt: skip
    async def resolve(host: str, port: int) -> Sequence[str]:
        return found or ["127.0.0.1"]

    async def main() -> Outcome:
        sender = HttpSender(timeout=timeout, private=private, ca=ca, resolve=resolve)
        try:
            return await sender.send(Destination("cards", url, SECRETS), "01M", BODY)
        finally:
            await sender.close()

    return asyncio.run(main())


def answered(*behaviours: Behaviour, timeout: float = 2.0) -> tuple[Outcome, Receiver]:
    with receiving(*behaviours) as receiver:
        return sent(receiver.url, timeout=timeout), receiver


def test_it_arrives_signed_and_named() -> None:
    outcome, receiver = answered(ok)
    assert outcome == Outcome(204, None)
    (request,) = receiver.requests
    assert request.path == "/suda?token=t0p"
    assert request.body == BODY
    assert request.headers["suda-delivery"] == request.headers["idempotency-key"] == "01M"
    assert request.headers["content-type"] == "application/json"
    # The name that was asked for, not the address that was looked up.
    assert request.headers["host"] == receiver.url.split("/")[2]
    for secret in SECRETS:
        assert verify(secret, request.headers[HEADER.lower()], BODY, time.time())


@pytest.mark.parametrize(
    ("behaviour", "code", "says"),
    [
        (status(200), 200, None),
        (status(500), 500, "HTTP 500"),
        (status(404), 404, "HTTP 404"),
        # Who answers and then breaks off has answered.
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nhalf"), 200, None),
        (endless, 200, None),
        (raw(b"<html>hello</html>\r\n\r\n"), None, "no proper answer: RemoteProtocolError"),
        (raw(b""), None, "no proper answer: RemoteProtocolError"),
        (raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000), None, "no proper answer"),
    ],
)
def test_the_status_is_the_answer(behaviour: Behaviour, code: int | None, says: str | None) -> None:
    outcome, _ = answered(behaviour)
    assert outcome.status == code
    assert (outcome.error is None) if says is None else says in str(outcome.error)


@pytest.mark.parametrize("behaviour", [slow(5.0, ok), dripping])
def test_the_time_holds_for_all_of_it(behaviour: Behaviour) -> None:
    outcome, _ = answered(behaviour, timeout=0.3)
    assert outcome == Outcome(None, "no answer within 0.3 seconds")


def test_redirects_are_not_followed() -> None:
    with receiving(ok) as elsewhere:
        outcome, _ = answered(status(307, Location=elsewhere.url))
        assert elsewhere.requests == []
    assert outcome.status == 307
    assert "redirects are not followed" in str(outcome.error)


def test_a_busy_receiver_says_when_to_come_again() -> None:
    assert answered(status(503, Retry_After="120"))[0].retry_after == 120.0
    assert answered(status(503, Retry_After="Wed, 21 Oct"))[0].retry_after is None


def test_nobody_there() -> None:
    with receiving(ok) as receiver:
        url = receiver.url
    assert "cannot connect" in str(sent(url).error)


def test_the_next_address_is_tried() -> None:
    with receiving(ok) as receiver:
        assert sent(receiver.url, found=["127.0.0.2", "127.0.0.1"]).error is None


def test_a_name_that_leads_inside_is_not_connected_to() -> None:
    with receiving(ok) as receiver:
        assert "link-local" in str(sent(receiver.url, found=["169.254.169.254"]).error)
        assert "private" in str(sent(receiver.url, private=False).error)
        assert receiver.requests == []


def test_a_name_that_nobody_knows() -> None:
    async def main() -> Outcome:
        sender = HttpSender(timeout=5.0, private=True)
        return await sender.send(Destination("c", "http://nowhere.invalid/", ("s",)), "1", b"{}")

    assert "not known" in str(asyncio.run(main()).error)


def test_secrets_and_addresses_stay_out_of_sight(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    _, receiver = answered(ok)
    destination = Destination("cards", receiver.url, SECRETS)
    assert "t0p" not in caplog.text
    assert SECRETS[0] not in repr(destination)
    assert "t0p" not in repr(destination)


def certified(directory: Path) -> tuple[ssl.SSLContext, Path]:
    """A certificate for localhost that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.9"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, secret = directory / "ca.pem", directory / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, secret)
    return context, pem


def test_a_certificate_must_be_vouched_for_and_be_of_that_name(tmp_path: Path) -> None:
    tls, ca = certified(tmp_path)
    with receiving(ok, tls=tls) as receiver:
        assert "CERTIFICATE_VERIFY_FAILED" in str(sent(receiver.url).error)
        assert sent(receiver.url, ca=ca).error is None
        other = receiver.url.replace("localhost", "crm.example")
        assert "crm.example" in str(sent(other, ca=ca).error)
        assert len(receiver.requests) == 1


def test_a_file_of_no_certificates_is_said_at_once(tmp_path: Path) -> None:
    wrong = tmp_path / "ca.pem"
    wrong.write_text("nothing")
    for path in (wrong, tmp_path / "absent"):
        with pytest.raises(InputError, match="SUDA_WEBHOOK_CA"):
            HttpSender(timeout=1.0, private=True, ca=path)
