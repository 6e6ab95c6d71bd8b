from __future__ import annotations

import pytest

from data.errors import InputError
from serving.security.binding import check_auth, is_loopback
from serving.settings import Settings


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)
    check_auth(Settings(host=host, auth="off"))


@pytest.mark.parametrize(
    "host",
    [
        "0.0.0.0",  # noqa: S104 - refused is what it is
        "::",
        "10.0.0.1",
        "",
        "example.com",
        "localhost.evil.com",
        "127.0.0.1.evil",
    ],
)
def test_everything_else_needs_keys(host: str) -> None:
    assert not is_loopback(host)
    with pytest.raises(InputError, match="SUDA_AUTH"):
        check_auth(Settings(host=host, auth="off"))
    check_auth(Settings(host=host))
    check_auth(Settings(host=host, auth="on"))
