"""What may run without keys."""

from __future__ import annotations

import ipaddress

from data.errors import InputError
from serving.settings import Settings


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address. Names other than localhost count as not."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_auth(settings: Settings) -> None:
    """Raise InputError where the service would be open to other machines without keys."""
    if settings.auth == "off" and not is_loopback(settings.host):
        raise InputError(
            f"'off' is for an address that only this machine reaches, and SUDA_HOST is "
            f"{settings.host}; listen on 127.0.0.1, or unset SUDA_AUTH and make a key with "
            f"`suda keys create`",
            field="SUDA_AUTH",
        )
