"""Why a review was not taken. Nothing was changed where one of these is raised."""

from __future__ import annotations

from data.errors import ConflictError, SudaError


class LeaseLostError(ConflictError):
    """The item is not, or no longer, the caller's: expired, another's or decided. HTTP 409."""

    code = "lease_lost"


class StaleItemError(ConflictError):
    """The item was changed since the caller saw it. HTTP 409."""

    code = "stale_item"


class CannotUndoError(ConflictError):
    """Too late to undo, or somebody built on it. HTTP 409."""

    code = "cannot_undo"


class NotForYouError(SudaError):
    """The item is for leads, or for somebody who had no earlier round of it. HTTP 403."""

    code = "not_for_you"
    status = 403
