"""What an administrator may order: activate, roll back, shadow, canary. Registry and service agree.

A model is loaded and tested before the registry hears of it, and put in place once the registry's
log has it durably: a process that dies in between comes up with what the log says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from data.errors import ConflictError
from model.registry.check import refusal
from model.registry.log import Entry
from serving.models.errors import ModelRefusedError
from serving.models.lineup import Lineup, Served, Trial
from serving.models.switchboard import Switchboard


@dataclass(frozen=True, slots=True)
class Order:
    """Who wants it and why; `force` overrides the suite and is logged."""

    who: str
    why: str
    force: bool = False


def activate(board: Switchboard, version: str, order: Order) -> None:
    """Let a version serve.

    Raises ConflictError where the suite has not passed it, ModelRefusedError where it cannot be
    loaded or fails its test, NotFoundError, PinnedError. What served before then goes on.
    """
    with _ordered(board, order):
        _check(board, version, order)
        fresh = board.fetch(version)
        before = board.lineup.champion.version
        entry = board.registry.promote(version, who=order.who, why=order.why, force=order.force)
        if entry is None and before == version:
            return
        board.place(Lineup(fresh, shadow=_unless(board, version)))
        details = {"before": before, "after": version, "forced": bool(entry and entry.forced)}
        _record(board, order, "model.activate", version, details)


def rollback(board: Switchboard, order: Order) -> str:
    """Let the champion before this one serve again; its version.

    Raises ConflictError where there is none, ModelRefusedError, PinnedError.
    """
    with _ordered(board, order):
        previous = board.registry.state().previous
        fresh = board.fetch(previous) if previous else None
        before = board.lineup.champion.version
        entry: Entry = board.registry.rollback(who=order.who, why=order.why)
        version = str(entry.after)
        if fresh is None or fresh.version != version:
            # Somebody else changed it in between.
            fresh = board.fetch(version)
        board.place(Lineup(fresh, shadow=_unless(board, version)))
        details = {"before": before, "after": version}
        _record(board, order, "model.rollback", version, details)
        return version


def shadow(board: Switchboard, version: str | None, order: Order) -> None:
    """Let a version answer unheard; None ends that.

    Raises ConflictError for the champion, NotFoundError, ModelRefusedError, PinnedError.
    """
    with _ordered(board, order):
        lineup = board.lineup
        if version == lineup.champion.version:
            raise ConflictError("is the champion", field=version)
        fresh = board.fetch(version) if version is not None else None
        board.registry.shadow(version, who=order.who, why=order.why)
        board.place(replace(lineup, shadow=fresh))
        before = lineup.shadow.version if lineup.shadow else None
        _record(board, order, "model.shadow", version, {"before": before, "after": version})


def canary(board: Switchboard, version: str, share: float, order: Order) -> None:
    """Let a version answer a share of all complaints, in (0, 1).

    Raises as `activate` does, and InputError for another share.
    """
    with _ordered(board, order):
        _check(board, version, order)
        fresh = board.fetch(version)
        entry = board.registry.canary(
            version, share, who=order.who, why=order.why, force=order.force
        )
        board.place(replace(board.lineup, trial=Trial(fresh, share, entry.number)))
        details = {"share": share, "forced": entry.forced}
        _record(board, order, "model.canary", version, details)


def end_canary(board: Switchboard, order: Order, action: str = "model.canary_end") -> str | None:
    """Let the champion answer everything again; the version that was a canary, if there was one.

    Raises PinnedError.
    """
    with _ordered(board, order):
        trial = board.lineup.trial
        # First here: the registry may not be writable, and a bad canary ends all the same.
        board.place(replace(board.lineup, trial=None))
        if trial is not None:
            board.ended.add(trial.number)
        entry = board.registry.end_canary(who=order.who, why=order.why)
        version = trial.served.version if trial else entry.before if entry else None
        if version is not None:
            figures = board.tally.side(version).as_json()
            _record(board, order, action, version, {"figures": figures})
        return version


@contextmanager
def _ordered(board: Switchboard, order: Order) -> Iterator[None]:
    """One change at a time; a model that was not let in is recorded."""
    with board.changing():
        try:
            yield
        except ModelRefusedError as error:
            board.refuse(order.who, error)
            raise
        except OSError as error:
            message = f"cannot be written: {error.strerror}"
            raise ModelRefusedError("registry", message, field=str(board.registry.path)) from error
        board.fault = None


def _check(board: Switchboard, version: str, order: Order) -> None:
    """Refuse before anything is loaded what the registry would refuse after."""
    state = board.registry.state()
    if order.force or version not in state.versions or version == state.champion:
        return
    if reason := refusal(version, board.registry.verdict(version), state):
        raise ConflictError(reason, field=version)


def _unless(board: Switchboard, champion: str) -> Served | None:
    """The present shadow, unless it is now the champion."""
    present = board.lineup.shadow
    return present if present and present.version != champion else None


def _record(
    board: Switchboard, order: Order, action: str, version: str | None, details: Mapping[str, Any]
) -> None:
    subject = f"model:{version}" if version else "model"
    board.record.add(order.who, action, subject, {**details, "why": order.why})
