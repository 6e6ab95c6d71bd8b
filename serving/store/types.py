"""Column types: aware times, and customers' words that are encrypted where a key is set."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, Engine, LargeBinary, Text
from sqlalchemy.types import TypeDecorator

from serving.security.encryption import TextKeyError, TextKeys

# Stored before a plain text that would itself look encrypted, or before an encrypted one.
_PLAIN, _SEALED = "suda0:", "suda1:"
_SEALED_BYTES = b"\x00suda1"
_ATTRIBUTE = "suda_text_keys"


def protect(engine: Engine, keys: TextKeys | None) -> None:
    """Let this engine encrypt what it writes, and decrypt what it reads, with `keys`."""
    setattr(engine.dialect, _ATTRIBUTE, keys)


def _keys(dialect: Dialect) -> TextKeys | None:
    keys: TextKeys | None = getattr(dialect, _ATTRIBUTE, None)
    return keys


def _needed(dialect: Dialect) -> TextKeys:
    keys = _keys(dialect)
    if keys is None:
        raise TextKeyError("complaints are stored encrypted; set their key", field="SUDA_TEXT_KEY")
    return keys


class UtcTime(TypeDecorator[datetime]):
    """A time with its zone; SQLite, which keeps none, gets and gives UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _: Dialect) -> datetime | None:
        """To UTC."""
        return value.astimezone(UTC) if value else None

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any] | None:
        """For SQLite the text at once: a complaint has some thirty times."""
        return _text_of if dialect.name == "sqlite" else super().bind_processor(dialect)

    def process_result_value(self, value: datetime | None, _: Dialect) -> datetime | None:
        """In UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _text_of(value: datetime | None) -> str | None:
    """As SQLAlchemy writes times for SQLite."""
    if value is None:
        return None
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


class CustomerText(TypeDecorator[str]):
    """A customer's words. `context` binds what is stored to its column."""

    impl = Text
    cache_ok = True

    def __init__(self, context: str) -> None:
        super().__init__()
        self.context = context

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Encrypted where a key is set."""
        if value is None:
            return None
        keys = _keys(dialect)
        if keys is None:
            return _PLAIN + value if value.startswith((_PLAIN, _SEALED)) else value
        sealed = keys.encrypt(value.encode("utf-8", "surrogatepass"), self.context)
        return _SEALED + base64.b64encode(sealed).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """The words. Raises TextKeyError where their key is not set."""
        if value is None or not value.startswith((_PLAIN, _SEALED)):
            return value
        if value.startswith(_PLAIN):
            return value.removeprefix(_PLAIN)
        try:
            sealed = base64.b64decode(value.removeprefix(_SEALED), validate=True)
        except ValueError as error:
            raise TextKeyError(f"what is stored in {self.context} was altered") from error
        return _needed(dialect).decrypt(sealed, self.context).decode("utf-8", "surrogatepass")


class CustomerBytes(TypeDecorator[bytes]):
    """Bytes that quote a customer. Plain ones are JSON, so none begins like an encrypted one."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, context: str) -> None:
        super().__init__()
        self.context = context

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        """Encrypted where a key is set."""
        keys = _keys(dialect)
        if value is None or keys is None:
            return value
        return _SEALED_BYTES + keys.encrypt(value, self.context)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        """The bytes. Raises TextKeyError where their key is not set."""
        if value is None or not value.startswith(_SEALED_BYTES):
            return value
        return _needed(dialect).decrypt(value.removeprefix(_SEALED_BYTES), self.context)
