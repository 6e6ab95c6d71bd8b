"""A small OpenID Connect provider, asked in memory: discovery, keys, and a code for a token."""

from __future__ import annotations

import base64
import hashlib
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

ISSUER = "https://sso.bank.example"
CLIENT = "suda"
SECRET = "a-secret-of-the-client"


@dataclass
class FakeProvider:
    """What it answers can be bent; `authorise` is what its sign-in page would do."""

    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    issuer: str = ISSUER
    down: bool = False
    signing: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, auto_kid=True))
    published: list[RSAKey] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.published.append(self.signing)

    @property
    def transport(self) -> httpx.MockTransport:
        """For a client of httpx."""
        return httpx.MockTransport(self._answer)

    def authorise(self, url: str) -> tuple[str, dict[str, str]]:
        """Somebody signs in at `url`: the code, and what had been asked."""
        parts = urlsplit(url)
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{ISSUER}/authorize"
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        code = f"code-{len(self._codes)}"
        self._codes[code] = asked
        return code, asked

    def rotate(self) -> None:
        """Sign with a new key, and publish it."""
        self.signing = RSAKey.generate_key(2048, auto_kid=True)
        self.published = [self.signing]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        if self.down:
            raise httpx.ConnectError("refused", request=request)
        if request.url.path == "/.well-known/openid-configuration":
            return httpx.Response(200, json=self._metadata())
        if request.url.path == "/keys":
            keys = KeySet(list(self.published))
            return httpx.Response(200, json=keys.as_dict(private=False))
        return self._token(request)

    def _metadata(self) -> dict[str, str]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{ISSUER}/authorize",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/keys",
        }

    def _token(self, request: httpx.Request) -> httpx.Response:
        sent = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        asked = self._codes.pop(sent.get("code", ""), None)
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        known = request.headers.get("authorization") == f"Basic {basic}"
        if asked is None or not known or not self._proves(sent, asked):
            return httpx.Response(400, json={"error": "invalid_grant"})
        return httpx.Response(
            200,
            json={"access_token": "at", "token_type": "Bearer", "id_token": self.sign(asked)},
        )

    @staticmethod
    def _proves(sent: dict[str, str], asked: dict[str, str]) -> bool:
        digest = hashlib.sha256(sent.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        same = asked["code_challenge_method"] == "S256" and asked["code_challenge"] == challenge
        return same and sent["redirect_uri"] == asked["redirect_uri"]

    def sign(self, asked: dict[str, str]) -> str:
        """An ID token for what was asked, with `claims` laid over."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "sub": "u-1",
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            "preferred_username": "liling",
            "name": "李玲",
            **self.claims,
        }
        kept = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": "RS256", "kid": self.signing.kid, **self.header}
        return jwt.encode(header, kept, self.signing)
