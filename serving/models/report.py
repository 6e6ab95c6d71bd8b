"""What is in use, what is registered, and how shadow and canary do: as plain values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from data.errors import SudaError
from model.registry.registry import Registry
from model.registry.state import State as Registered
from serving.models.intervals import wilson
from serving.models.lineup import Served, Trial
from serving.models.switchboard import Switchboard
from serving.store.shadow import Count, Result

_LOG = 20


def overview(board: Switchboard) -> dict[str, Any]:
    """Everything about models at once. A registry that cannot be read is said, not raised."""
    lineup, fault = board.lineup, board.fault
    try:
        state, unreadable = board.registry.state(), None
    except SudaError as error:
        state, unreadable = Registered(), str(error)
    shadowing = board.shadowing
    return {
        "pinned": board.pinned,
        "serving": _served(lineup.champion) | {"promoted_at": _promoted(state, lineup.champion)},
        "canary": _trial(board, lineup.trial) if lineup.trial else None,
        "shadow": _served(lineup.shadow) | {"waiting": shadowing.waiting}
        if lineup.shadow and shadowing
        else None,
        "in_memory": board.held(),
        "fault": {"model": fault.version, "message": fault.message, "at": fault.at.isoformat()}
        if fault
        else None,
        "registry": unreadable,
        "versions": [_version(board.registry, state, version) for version in state.versions],
        "log": [] if unreadable else _log(board.registry),
    }


def agreement(counts: Iterable[Count]) -> list[dict[str, Any]]:
    """How often two models agree, by the one that was heard and by field, with 95 % intervals."""
    found = []
    for count in counts:
        rate = wilson(count.agreed, count.texts)
        found.append(
            {
                "champion": count.champion,
                "field": count.field,
                "texts": count.texts,
                "agreed": count.agreed,
                "agreement": rate.as_json() if rate else None,
                "first_at": count.first_at.isoformat(),
                "last_at": count.last_at.isoformat(),
            }
        )
    return found


def disagreement(number: int, result: Result) -> dict[str, Any]:
    """One complaint on which two models differ."""
    return {
        "number": number,
        "complaint_id": result.complaint_id,
        "champion": result.champion,
        "differs": list(result.differs),
        "fields": result.fields,
        "at": result.at.isoformat(),
    }


def _served(served: Served) -> dict[str, Any]:
    pipeline = served.bare
    return {
        "version": served.version,
        "taxonomy": pipeline.taxonomy.stamp,
        "policy": pipeline.policies.at(served.since).stamp,
        "since": served.since.isoformat(timespec="seconds"),
    }


def _promoted(state: Registered, champion: Served) -> str | None:
    """When all replicas were told to serve it; None where the registry never said so."""
    return state.since if state.champion == champion.version else None


def _trial(board: Switchboard, trial: Trial) -> dict[str, Any]:
    return {
        **_served(trial.served),
        "share": trial.share,
        "figures": board.tally.side(trial.served.version).as_json(),
        "champion_figures": board.tally.side(board.lineup.champion.version).as_json(),
    }


def _version(registry: Registry, state: Registered, version: str) -> dict[str, Any]:
    known = state.versions[version]
    try:
        verdict = registry.verdict(version)
    except SudaError:
        verdict = None
    return {
        "version": version,
        "registered_at": known.at,
        "aliases": list(state.aliases_of(version)),
        "suite": None
        if verdict is None
        else {
            "passed": verdict.passed,
            "against": verdict.champion,
            "at": verdict.at,
            "failed": list(verdict.failed),
        },
    }


def _log(registry: Registry) -> list[dict[str, Any]]:
    shown = ("number", "at", "who", "action", "version", "before", "after", "why", "forced")
    entries = registry.log.entries()[-_LOG:]
    return [{name: asdict(entry)[name] for name in shown} for entry in reversed(entries)]
