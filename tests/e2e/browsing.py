"""Browser pages that notice what no page may do: ask another host, break a rule, throw."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

from tests.e2e.site import PASSWORD, Site

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--lang=zh-CN",
)  # fmt: skip
MISSING = "these tests need Chromium: apt install chromium fonts-noto-cjk"

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
SCREENS = Path(__file__).parents[2] / "docs" / "screens"
SIZES = ((1280, 720), (1920, 1080))
Theme = Literal["light", "dark"]


def executable() -> str | None:
    """The system's Chromium, or what SUDA_CHROMIUM names."""
    named = os.environ.get("SUDA_CHROMIUM")
    return named or next((path for name in NAMES if (path := shutil.which(name))), None)


@dataclass
class Visitor:
    """Opens pages as people of different roles, and keeps what went wrong in them."""

    browser: Browser
    site: Site
    faults: list[str] = field(default_factory=list)
    _contexts: list[BrowserContext] = field(default_factory=list)

    def __call__(
        self,
        role: str | None = None,
        *,
        theme: Theme = "light",
        size: tuple[int, int] = SIZES[0],
        **options: Any,
    ) -> Page:
        """A page of a fresh browser, signed in as `role` (a login of tests.e2e.site.PEOPLE)."""
        context = self.browser.new_context(
            base_url=self.site.url,
            viewport={"width": size[0], "height": size[1]},
            color_scheme=theme,
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            **options,
        )
        context.set_default_timeout(15_000)
        self._contexts.append(context)
        context.on("request", self._request)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.faults.append(f"script: {error.error}"))
        page = context.new_page()
        if role is not None:
            sign_in(page, role)
        return page

    def close(self) -> None:
        """Close all browsers."""
        for context in self._contexts:
            context.close()

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.netloc != self.site.host:
            self.faults.append(f"asked another host: {request.url}")

    def _console(self, message: ConsoleMessage) -> None:
        # Refusals that a test provokes are said by the browser itself.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.faults.append(f"console: {message.text}")


def sign_in(page: Page, login: str, password: str = PASSWORD) -> None:
    """Through the form."""
    page.goto("/ui/signin")
    page.get_by_label("账号").fill(login)
    page.get_by_label("密码").fill(password)
    page.get_by_role("button", name="登录", exact=True).click()
    page.wait_for_load_state()


def assert_accessible(page: Page, *, but: tuple[str, ...] = ()) -> None:
    """No violation that axe calls serious or critical; `but` names rules that are left out."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    rules = {rule: {"enabled": False} for rule in but}
    found = page.evaluate("rules => axe.run(document, {rules})", rules)
    grave = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
    told = [
        f"{v['id']}: {v['help']}: " + "; ".join(str(n["target"]) for n in v["nodes"][:5])
        for v in grave
    ]
    assert not told, "\n".join(told)


def assert_fits(page: Page) -> None:
    """Nothing makes the page scroll sideways."""
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0, f"the page is {wide} pixels too wide"


def screenshot(page: Page, name: str, *, full: bool = False) -> None:
    """Both sizes, light and dark, checked for fit; kept in docs/screens with SUDA_SCREENS=1."""
    before = page.viewport_size
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        if full:
            # The frame keeps to the window: a tall window instead of a picture beyond it.
            settle(page)
            tall = page.evaluate("document.documentElement.scrollHeight")
            page.set_viewport_size({"width": width, "height": max(height, tall)})
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            settle(page)
            assert_fits(page)
            if os.environ.get("SUDA_SCREENS"):
                SCREENS.mkdir(parents=True, exist_ok=True)
                target = SCREENS / f"{name}-{width}-{theme}.png"
                page.screenshot(path=target, animations="disabled")
                _shrink(target)
    page.emulate_media(color_scheme="light")
    if before:
        page.set_viewport_size(before)


def settle(page: Page) -> None:
    """Until everything is loaded and every chart is drawn."""
    page.wait_for_load_state("networkidle")
    page.evaluate("document.fonts.ready")
    page.wait_for_function(
        "[...document.querySelectorAll('[data-chart]')].every(c => c.querySelector('canvas'))"
    )
    page.wait_for_timeout(150)


def _shrink(path: Path) -> None:
    """256 colours are plenty for a page, and a fifth of the size."""
    try:
        from PIL import Image
    except ImportError:
        return
    with Image.open(path) as image:
        small = image.convert("RGB").quantize(
            256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE
        )
    small.save(path, optimize=True)


def main() -> None:
    """Say what is missing, for `make e2e`."""
    if executable() is None:
        sys.exit(MISSING)


if __name__ == "__main__":
    main()
