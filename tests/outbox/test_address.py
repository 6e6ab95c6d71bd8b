from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Sequence

import pytest

from data.errors import InputError
from serving.outbox.address import AddressError, addresses, check_url, refused

METADATA = "169.254.169.254"


@pytest.mark.parametrize(
    "url",
    [
        "https://crm.bank.example/suda",
        "http://10.1.2.3:8080/hook?token=x",
        "http://localhost/",
        "https://[2001:db8::1]:8443/x",
    ],
)
def test_a_webhook_is_an_http_address(url: str) -> None:
    assert check_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "ftp://crm.example/x",
        "file:///etc/passwd",
        "//crm.example/x",
        "crm.example",
        "",
        "http://",
        "http://user:secret@crm.example/",
        "http://crm.example/#part",
        "http://crm.example:0/",
        "http://crm.example:99999/",
        "http://crm.example/a b",
        "http://crm.example/\r\nHost: other",
        "http://crm.example\\@other.example/",
        "http://投诉.example/",
        "http://crm.example/" + "x" * 2048,
        f"http://{METADATA}/latest/meta-data",
        "http://[fe80::1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://100.100.100.200/",
        "http://0.0.0.0/",
        "http://224.0.0.1/",
        "http://[64:ff9b::a9fe:a9fe]/",
    ],
)
def test_what_is_none_is_refused(url: str) -> None:
    with pytest.raises(InputError) as caught:
        check_url(url)
    assert caught.value.field == "webhook"


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "192.168.1.1", "::1", "fd12::1", "100.64.0.1"]
)
def test_private_addresses_as_it_is_set(address: str) -> None:
    parsed = ipaddress.ip_address(address)
    assert refused(parsed, private=True) is None
    assert refused(parsed, private=False) == "private"


def test_public_addresses_are_taken() -> None:
    for address in ("93.184.216.34", "2606:2800:220:1::1"):
        assert refused(ipaddress.ip_address(address), private=False) is None


def looked_up(*found: str) -> Sequence[str]:
    async def resolve(host: str, port: int) -> Sequence[str]:
        assert (host, port) == ("crm.example", 443)
        return found

    return asyncio.run(addresses("https://crm.example/x", resolve=resolve))


def test_a_name_is_only_as_good_as_each_of_its_addresses() -> None:
    assert looked_up("10.0.0.1", "10.0.0.2") == ("10.0.0.1", "10.0.0.2")
    for wrong in (METADATA, "fe80::1", "::ffff:169.254.169.254"):
        with pytest.raises(AddressError, match=r"crm\.example"):
            looked_up("10.0.0.1", wrong)
