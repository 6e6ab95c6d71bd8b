"""The errors a person can act on. Each carries a stable code and names the field it is about."""

from __future__ import annotations

from typing import Any, ClassVar


def kind_of(value: Any) -> str:
    """Say what a value is, without showing it: customer text never goes into an error."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return "an empty text" if not value.strip() else f"a text of {len(value)} characters"
    if isinstance(value, bool):
        return "true/false"
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "an object"
    return f"a {type(value).__name__}"


class SudaError(Exception):
    """Base of all errors with a meaning for the caller. HTTP 500 unless a subclass says more.

    `retry_after` is the number of seconds after which asking again makes sense, where it does.
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    retry_after: float | None = None

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class InputError(SudaError):
    """A value the caller gave is not of the form expected. HTTP 422."""

    code = "invalid_input"
    status = 422


class TooLargeError(SudaError):
    """A value is larger than the configured limit. HTTP 413."""

    code = "too_large"
    status = 413


class ConflictError(SudaError):
    """The same key was used before with another content. HTTP 409."""

    code = "conflict"
    status = 409


class WrongStateError(ConflictError):
    """As things stand, this cannot happen to it. HTTP 409."""

    code = "wrong_state"


class NotFoundError(SudaError):
    """No such record. HTTP 404."""

    code = "not_found"
    status = 404


class NotReadyError(SudaError):
    """The service cannot answer yet, or no more. HTTP 503."""

    code = "not_ready"
    status = 503
    retry_after = 1.0


class StoreDownError(NotReadyError):
    """The database does not answer; what was asked is not stored. HTTP 503."""

    code = "store_unavailable"
    retry_after = 2.0


class OverloadedError(SudaError):
    """More is asked than can be answered in time; nothing was done. HTTP 429."""

    code = "overloaded"
    status = 429

    def __init__(self, message: str, *, retry_after: float, field: str | None = None) -> None:
        super().__init__(message, field=field)
        self.retry_after = retry_after


class DeadlineError(SudaError):
    """The caller's deadline passed before the answer was there. HTTP 504."""

    code = "deadline"
    status = 504
    retry_after = 1.0


class AbandonedError(SudaError):
    """The caller left before there was an answer. HTTP 499, which nobody reads."""

    code = "abandoned"
    status = 499


class FileFormatError(SudaError):
    """A file cannot be read as what its name promises. HTTP 422."""

    code = "bad_file"
    status = 422


class TaxonomyError(SudaError):
    """A taxonomy file has a hole or a contradiction."""

    code = "bad_taxonomy"


class PolicyError(SudaError):
    """A policy pack has a hole, a contradiction or an unknown name."""

    code = "bad_policy"
    status = 422


class BundleError(SudaError):
    """A model bundle is damaged, or of a version or shape this code cannot serve."""

    code = "bad_bundle"


class RegistryError(SudaError):
    """The model registry is damaged, or was changed past its promotion log."""

    code = "bad_registry"


class SnapshotError(SudaError):
    """A dataset snapshot is damaged, or its held-out texts are no longer what was frozen."""

    code = "bad_snapshot"


class MissingExtraError(SudaError):
    """What was asked needs an optional part of the installation."""

    code = "missing_extra"
