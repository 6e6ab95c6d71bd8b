"""Log lines: structured, with request id and model version, never with a complaint's words."""

from __future__ import annotations

import hashlib
import logging
import sys
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

import orjson

from data.errors import SudaError

# What is known of the request being answered; filled on the way, written with every line.
_facts: ContextVar[dict[str, Any] | None] = ContextVar("suda_log_facts", default=None)
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# Uvicorn repeats its message in colours.
_LEFT_OUT = frozenset({"color_message"})


def begin(**facts: Any) -> dict[str, Any]:
    """Start a request's facts; every line logged while it is answered carries them."""
    started = dict(facts)
    _facts.set(started)
    return started


def note(**facts: Any) -> None:
    """Add to the facts of the request being answered; outside of one, nothing."""
    current = _facts.get()
    if current is not None:
        current.update(facts)


def fingerprint_of(text: str) -> dict[str, Any]:
    """What may be logged of a complaint: its length, and a hash to tell repeats by."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return {"text_chars": len(text), "text_sha256": digest[:16]}


def trail(error: BaseException) -> str:
    """An exception's class and places. Its message only if it is ours: others quote their input."""
    said = f": {error}" if isinstance(error, SudaError) else ""
    frames = traceback.extract_tb(error.__traceback__)
    places = " < ".join(f"{f.name} ({f.filename}:{f.lineno})" for f in reversed(frames))
    return f"{type(error).__name__}{said} at {places}"


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    line: dict[str, Any] = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": record.getMessage(),
        **(_facts.get() or {}),
    }
    extra = vars(record).items()
    line |= {k: v for k, v in extra if k not in _STANDARD and k not in _LEFT_OUT}
    if record.exc_info and record.exc_info[1] is not None:
        line["error"] = trail(record.exc_info[1])
    return line


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record, with what is known of its request."""
        return orjson.dumps(_fields(record), default=str).decode()


class TextFormatter(logging.Formatter):
    """One line for people: time, level, message, then the facts."""

    def format(self, record: logging.LogRecord) -> str:
        """The record, with what is known of its request."""
        line = _fields(record)
        head = f"{line.pop('time')} {line.pop('level'):7} {line.pop('message')}"
        line.pop("logger")
        return " ".join([head, *(f"{key}={value}" for key, value in line.items())])


class StderrHandler(logging.Handler):
    """Writes to what standard error is at the time, which may be redirected."""

    def emit(self, record: logging.LogRecord) -> None:
        """One line."""
        try:
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()
        except (OSError, ValueError):
            self.handleError(record)


def configure(style: str, level: str) -> None:
    """Send all log lines to standard error, as `text` or `json`."""
    handler = StderrHandler()
    handler.setFormatter(JsonFormatter() if style == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
