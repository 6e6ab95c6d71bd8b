"""The bank's own sign-in as a client sees it: OpenID Connect Core 1.0, code flow with PKCE.

Needs the extra `oidc`; imported where SUDA_OIDC_ISSUER is set only.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from data.errors import NotReadyError, SudaError
from serving.settings import Settings
from serving.store.flows import Flow

_SCOPE = "openid profile email"
# Asymmetric ones only: with HS256 whoever knows the client's secret could sign, with none anybody.
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
_METADATA_SECONDS = 3600.0
_LEEWAY_SECONDS = 60
_TIMEOUT_SECONDS = 10.0


class ProviderError(SudaError):
    """The provider's answer is not one to trust. HTTP 401."""

    code = "oidc_refused"
    status = 401


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is at the provider; `claims` are those of the verified ID token."""

    issuer: str
    subject: str
    claims: Mapping[str, Any] = field(repr=False)

    @property
    def login(self) -> str:
        """What they are called there."""
        for name in ("preferred_username", "email"):
            if isinstance(value := self.claims.get(name), str) and value:
                return value.lower()
        return self.subject.lower()

    @property
    def name(self) -> str:
        """Their name, else their login."""
        value = self.claims.get("name")
        return value if isinstance(value, str) and value.strip() else self.login

    def groups(self, claim: str) -> list[str]:
        """The values of a claim, which may lie inside of others: realm_access.roles."""
        found: Any = self.claims
        for part in claim.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        if isinstance(found, str):
            return [found]
        return [str(item) for item in found] if isinstance(found, list) else []


class Provider:
    """One provider. Its metadata and keys are read when needed, and again when they are old."""

    def __init__(
        self,
        settings: Settings,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._issuer = (settings.oidc_issuer or "").rstrip("/")
        self._client_id = settings.oidc_client_id or ""
        secret = settings.oidc_client_secret
        self._secret = secret.get_secret_value() if secret else None
        self._transport = transport
        self._clock = clock
        self._metadata: dict[str, Any] = {}
        self._keys = KeySet([])
        self._read_at = float("-inf")

    async def where(self, flow: Flow, callback: str) -> str:
        """The address at which the browser signs in."""
        await self._refresh()
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": callback,
            "scope": _SCOPE,
            "state": flow.state,
            "nonce": flow.nonce,
            "code_challenge": challenge(flow.verifier),
            "code_challenge_method": "S256",
        }
        return str(httpx.URL(self._metadata["authorization_endpoint"]).copy_merge_params(asked))

    async def identity(self, code: str, flow: Flow, callback: str) -> Identity:
        """Who comes back with `code`. Raises ProviderError, NotReadyError."""
        await self._refresh()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": callback,
            "client_id": self._client_id,
            "code_verifier": flow.verifier,
        }
        auth = httpx.BasicAuth(self._client_id, self._secret) if self._secret else None
        try:
            async with self._client(auth) as client:
                answer = await client.post(self._metadata["token_endpoint"], data=form)
        except httpx.HTTPError as error:
            raise NotReadyError("the provider does not answer") from error
        return await self._verified(_id_token(answer), flow)

    async def _verified(self, id_token: str, flow: Flow) -> Identity:
        try:
            claims = self._claims(id_token, flow)
        except (JoseError, ValueError):
            # Perhaps it signs with a key that is newer than what is known.
            await self._refresh(at_once=True)
            try:
                claims = self._claims(id_token, flow)
            except (JoseError, ValueError) as error:
                raise ProviderError("the ID token does not hold") from error
        return Identity(self._issuer, str(claims["sub"]), claims)

    def _claims(self, id_token: str, flow: Flow) -> dict[str, Any]:
        """OpenID Connect Core 1.0 §3.1.3.7."""
        token = jwt.decode(id_token, self._keys, algorithms=_ALGORITHMS)
        registry = jwt.JWTClaimsRegistry(
            now=int(self._clock()),
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": self._issued_by()},
            aud={"essential": True, "value": self._client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": flow.nonce},
        )
        registry.validate(token.claims)
        claims: dict[str, Any] = token.claims
        if (
            isinstance(claims["aud"], list)
            and claims.get("azp", self._client_id) != self._client_id
        ):
            raise ProviderError("the ID token is for another client")
        return claims

    def _issued_by(self) -> str:
        issuer: str = self._metadata["issuer"]
        return issuer

    def _client(self, auth: httpx.Auth | None = None) -> httpx.AsyncClient:
        return httpx.AsyncClient(auth=auth, timeout=_TIMEOUT_SECONDS, transport=self._transport)

    async def _refresh(self, *, at_once: bool = False) -> None:
        if not at_once and self._clock() - self._read_at < _METADATA_SECONDS:
            return
        try:
            async with self._client() as client:
                metadata = await self._read(
                    client, f"{self._issuer}/.well-known/openid-configuration"
                )
                if str(metadata.get("issuer", "")).rstrip("/") != self._issuer:
                    raise ProviderError("the provider names another issuer than SUDA_OIDC_ISSUER")
                keys = await self._read(client, metadata["jwks_uri"])
                self._keys = KeySet.import_key_set(keys)
        except (httpx.HTTPError, JoseError, ValueError, KeyError, AttributeError) as error:
            raise NotReadyError("the provider's description cannot be read") from error
        self._metadata, self._read_at = metadata, self._clock()

    @staticmethod
    async def _read(client: httpx.AsyncClient, url: str) -> Any:
        answer = await client.get(url)
        answer.raise_for_status()
        return answer.json()


def challenge(verifier: str) -> str:
    """What is sent ahead of a verifier (RFC 7636 §4.2, S256)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _id_token(answer: httpx.Response) -> str:
    """The ID token of a token response. Raises ProviderError."""
    try:
        found = answer.json().get("id_token") if answer.is_success else None
    except (ValueError, AttributeError):
        found = None
    if not isinstance(found, str):
        raise ProviderError("the provider refused the code")
    return found
