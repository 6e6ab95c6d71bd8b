"""A real server, a real browser: `browser_page("lead")` is a page signed in as a lead."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="browser tests need playwright")

from playwright.sync_api import Browser, sync_playwright  # noqa: E402

from tests.e2e.browsing import ARGUMENTS, MISSING, Visitor, executable  # noqa: E402
from tests.e2e.site import Site, served  # noqa: E402

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests here are browser tests, which a normal run leaves out."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    path = executable()
    if path is None:
        pytest.fail(MISSING)
    with sync_playwright() as started:
        found = started.chromium.launch(
            executable_path=path, args=list(ARGUMENTS), env={**os.environ, "LANGUAGE": "zh_CN"}
        )
        yield found
        found.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server with an empty store, a module's own."""
    with served(tmp_path_factory.mktemp("site")) as found:
        yield found


@pytest.fixture
def browser_page(browser: Browser, site: Site) -> Iterator[Visitor]:
    """Opens pages; afterwards nothing may have gone wrong in any of them."""
    visitor = Visitor(browser, site)
    yield visitor
    visitor.close()
    assert visitor.faults == []
    assert "page failed" not in site.log.read_text(encoding="utf-8")
