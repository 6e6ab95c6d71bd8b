"""Why a board cannot be shown yet."""

from __future__ import annotations

from typing import Final

from data.errors import NotReadyError

SOON: Final = 2.0
"""Seconds after which to look again."""


class GatheringError(NotReadyError):
    """The facts are still being read, for the first time since the start. HTTP 503."""

    code = "gathering"
    retry_after = SOON

    def __init__(self) -> None:
        super().__init__("the complaints are still being read; ask again in a moment")
