from __future__ import annotations

import pytest

from serving.web.paths import is_web, safe_next

NEXT = (
    ("/ui/queue?page=2", "/ui/queue?page=2"),
    ("/ui/queue?q=a&b=%E6%8A%95", "/ui/queue?q=a&b=%E6%8A%95"),
    ("/ui?x=1", "/ui?x=1"),
    ("/ui", "/ui"),
    ("", "/ui"),
    (None, "/ui"),
    ("https://evil.example/ui", "/ui"),
    ("//evil.example/ui", "/ui"),
    ("/\\evil.example", "/ui"),
    ("/ui/\\evil.example", "/ui"),
    ("/ui//../\\/evil.example", "/ui"),
    ("/uix", "/ui"),
    ("/ui/../v1/keys", "/ui"),
    ("/ui/signin?next=/ui/signin", "/ui"),
    ("/ui/signout", "/ui"),
    ("javascript:alert(1)", "/ui"),
    ("/ui/\r\nSet-Cookie: a=b", "/ui"),
    ("/ui/queue\n", "/ui"),
    ("/ui/" + "x" * 600, "/ui"),
)


@pytest.mark.parametrize(("wanted", "goes"), NEXT)
def test_only_our_own_pages_are_gone_to(wanted: str | None, goes: str) -> None:
    assert safe_next(wanted) == goes


def test_what_a_page_is() -> None:
    assert is_web("/ui")
    assert is_web("/ui/queue")
    assert not is_web("/uix")
    assert not is_web("/v1/classify")
