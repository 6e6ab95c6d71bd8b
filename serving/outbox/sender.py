"""Send one signed message over HTTP, within a time that holds for all of it."""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httpx

from data.errors import InputError, SudaError
from serving.outbox.address import Resolver, addresses
from serving.outbox.signing import HEADER, sign

# It would log addresses, in which some receivers keep a token.
logging.getLogger("httpx").setLevel(logging.WARNING)

ID_HEADER = "Suda-Delivery"
KEY_HEADER = "Idempotency-Key"


@dataclass(frozen=True, slots=True)
class Destination:
    """Where and how a department is told; `secrets` are those that sign now."""

    department: str
    url: str
    secrets: tuple[str, ...]
    enabled: bool = True
    concurrency: int = 4

    @property
    def open(self) -> bool:
        """Whether anything is sent there now; else it waits."""
        return self.enabled and bool(self.secrets)

    def __repr__(self) -> str:
        return f"Destination({self.department!r})"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: `error` is None if it arrived. The receiver's own words are not kept."""

    status: int | None
    error: str | None
    retry_after: float | None = None


class Sender(Protocol):
    """Whoever brings a message to a department."""

    async def send(self, destination: Destination, message_id: str, body: bytes) -> Outcome:
        """Bring it there; never raises for what the receiver does."""

    async def close(self) -> None:
        """Give everything back."""


class HttpSender:
    """Sends over HTTP/1.1. The answer's status is the answer: its body is not read.

    A host's addresses are looked up and checked first, and one of those that were checked is
    connected to, so that a name cannot lead elsewhere a moment later. Each message has its own
    connection: none waits behind another, and a name's certificate is checked each time.
    """

    def __init__(
        self,
        *,
        timeout: float,
        private: bool,
        ca: Path | None = None,
        clock: Callable[[], float] = time.time,
        resolve: Resolver | None = None,
    ) -> None:
        self._timeout = timeout
        self._private = private
        self._clock = clock
        self._resolve = resolve
        # Said at the start, not with the first message.
        self._trust = trusting(ca) if ca is not None else None
        self._opened: httpx.AsyncClient | None = None

    @property
    def _client(self) -> httpx.AsyncClient:
        """Made when it is needed: to read all that the system trusts takes a while."""
        if self._opened is None:
            self._opened = httpx.AsyncClient(
                verify=self._trust or trusting(None),
                timeout=self._timeout,
                follow_redirects=False,
                trust_env=False,
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
                headers={"User-Agent": "suda", "Content-Type": "application/json"},
            )
        return self._opened

    async def send(self, destination: Destination, message_id: str, body: bytes) -> Outcome:
        """POST `body`, signed, to the department's webhook."""
        try:
            async with asyncio.timeout(self._timeout):
                return await self._send(destination, message_id, body)
        except TimeoutError:
            return Outcome(None, f"no answer within {self._timeout:g} seconds")
        except SudaError as error:
            return Outcome(None, str(error))
        except OSError as error:
            return Outcome(None, f"the host is not known: {type(error).__name__}")
        except httpx.ConnectError as error:
            return Outcome(None, f"cannot connect: {error}")
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            # Without its words: they may quote what the receiver said.
            return Outcome(None, f"no proper answer: {type(error).__name__}")

    async def close(self) -> None:
        """Close what is open."""
        if self._opened is not None:
            await self._opened.aclose()

    async def _send(self, to: Destination, message_id: str, body: bytes) -> Outcome:
        found = await addresses(to.url, private=self._private, resolve=self._resolve)
        headers = {
            ID_HEADER: message_id,
            KEY_HEADER: message_id,
            HEADER: sign(to.secrets, int(self._clock()), body),
        }
        return await self._post(to.url, found, headers, body)

    async def _post(
        self, url: str, found: Sequence[str], headers: dict[str, str], body: bytes
    ) -> Outcome:
        """To the first address that takes the connection."""
        asked = httpx.URL(url)
        headers["Host"] = asked.netloc.decode("ascii")
        for place, address in enumerate(found):
            request = self._client.build_request(
                "POST",
                asked.copy_with(host=address),
                content=body,
                headers=headers,
                extensions={"sni_hostname": asked.host},
            )
            try:
                response = await self._client.send(request, stream=True)
            except httpx.ConnectError:
                if place + 1 == len(found):
                    raise
                continue
            await response.aclose()
            return _judged(response)
        return Outcome(None, "the host has no address")


def trusting(ca: Path | None) -> ssl.SSLContext:
    """Trust what the system trusts, and the authorities in the file `ca`. Raises InputError."""
    context = ssl.create_default_context()
    if ca is not None:
        try:
            context.load_verify_locations(ca)
        except (OSError, ssl.SSLError) as error:
            raise InputError(
                "expected a file of certificates in PEM", field="SUDA_WEBHOOK_CA"
            ) from error
    return context


def _judged(response: httpx.Response) -> Outcome:
    status = response.status_code
    if response.is_success:
        return Outcome(status, None)
    if response.is_redirect:
        return Outcome(status, f"HTTP {status}: redirects are not followed")
    return Outcome(status, f"HTTP {status}", _retry_after(response.headers.get("Retry-After")))


def _retry_after(value: str | None) -> float | None:
    return float(value) if value is not None and value.isdecimal() and len(value) < 7 else None
