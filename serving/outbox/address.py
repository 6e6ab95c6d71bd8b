"""Where a webhook may lead: http(s), and no address that speaks for the machine itself."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias
from urllib.parse import urlsplit

from data.errors import InputError, SudaError

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]

MAX_URL = 2048
# Where clouds answer questions about the machine, beside the link-local 169.254.169.254.
_METADATA = frozenset(
    ipaddress.ip_address(text) for text in ("100.100.100.200", "168.63.129.16", "fd00:ec2::254")
)
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
_SHARED = ipaddress.ip_network("100.64.0.0/10")
_PORTS = {"http": 80, "https": 443}


class AddressError(SudaError):
    """A webhook leads where none may."""

    code = "bad_webhook"


def check_url(url: str, *, private: bool = True) -> str:
    """The URL as it is kept. Raises InputError where no webhook can be there."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InputError("expected a URL", field="webhook") from error
    if parts.scheme not in _PORTS or not parts.hostname or port == 0:
        raise InputError("expected http:// or https:// and a host", field="webhook")
    if parts.username is not None or parts.fragment:
        raise InputError("expected neither a user nor a fragment in it", field="webhook")
    if len(url) > MAX_URL or not url.isascii() or any(sign <= " " or sign == "\\" for sign in url):
        raise InputError(
            f"expected ASCII without blanks, at most {MAX_URL} characters", field="webhook"
        )
    try:
        literal = ipaddress.ip_address(parts.hostname)
    except ValueError:
        return url
    if (why := refused(literal, private=private)) is not None:
        raise InputError(f"{why} addresses are refused", field="webhook")
    return url


async def addresses(
    url: str, *, private: bool = True, resolve: Resolver | None = None
) -> Sequence[str]:
    """Addresses to connect to. One that is refused refuses all: names can be made to change.

    Raises AddressError for those, OSError where the name is not known.
    """
    parts = urlsplit(url)
    port = parts.port or _PORTS[parts.scheme]
    found = await (resolve or _resolve)(parts.hostname or "", port)
    for text in found:
        if (why := refused(ipaddress.ip_address(text), private=private)) is not None:
            raise AddressError(f"{parts.hostname} has a {why} address, which is refused")
    return found


def refused(address: Address, *, private: bool) -> str | None:
    """Why nothing may be sent there; None if it may."""
    address = _inner(address)
    if address in _METADATA:
        return "metadata"
    for why in ("link_local", "multicast", "unspecified"):
        if getattr(address, f"is_{why}"):
            return why.replace("_", "-")
    inside = address.is_private or (address.version == 4 and address in _SHARED)
    if inside or address.is_loopback:
        return None if private else "private"
    return "reserved" if address.is_reserved else None


def _inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for."""
    if address.version == 4:
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _TRANSLATED:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


async def _resolve(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    # An IPv6 address may carry a zone.
    return list(dict.fromkeys(str(where[0]).partition("%")[0] for *_, where in found))
