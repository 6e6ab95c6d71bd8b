"""Where the pages are."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

PREFIX = "/ui"
HOME = PREFIX
SIGN_IN = f"{PREFIX}/signin"
ACCOUNT = f"{PREFIX}/account"

_PLAIN = re.compile(r"/ui(?:[/?][\x21-\x5b\x5d-\x7e]*)?")


def is_web(path: str) -> bool:
    """Whether a path is one of the pages."""
    return path == PREFIX or path.startswith(f"{PREFIX}/")


def safe_next(wanted: str | None) -> str:
    """Where to go after the sign-in: one of our pages, else the first one.

    Nothing that a browser could read as another host: it begins with /ui and holds no backslash.
    """
    if not wanted or len(wanted) > 500 or not _PLAIN.fullmatch(wanted):
        return HOME
    path = urlsplit(wanted).path
    return HOME if path.startswith((SIGN_IN, f"{PREFIX}/signout")) or ".." in path else wanted
