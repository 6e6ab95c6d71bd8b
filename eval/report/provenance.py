"""Where everything came from: bundles, data, hashes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eval.report.words import Phrase, say
from eval.suite.result import ModelResult, SuiteResult


@dataclass(frozen=True, slots=True)
class Model:
    """A bundle with what its manifest tells, flattened to (key, value)."""

    role: Phrase
    model: ModelResult
    facts: tuple[tuple[str, str], ...]


def models(result: SuiteResult) -> tuple[Model, ...]:
    """The challenger, and the champion where there is one."""
    found = [Model(say("value"), result.challenger, _facts(result.challenger))]
    if result.champion:
        found.append(Model(say("champion_column"), result.champion, _facts(result.champion)))
    return tuple(found)


def _facts(model: ModelResult) -> tuple[tuple[str, str], ...]:
    return (*flat("snapshot", model.snapshot), *flat("training", model.training))


def flat(prefix: str, value: Any) -> list[tuple[str, str]]:
    """A nested document as dotted keys with plain values; lists are counted beyond a few."""
    if isinstance(value, dict):
        return [item for key, each in value.items() for item in flat(f"{prefix}.{key}", each)]
    if isinstance(value, list | tuple):
        shown = ", ".join(str(each) for each in value[:6])
        return [(prefix, f"{shown}, … ({len(value)})" if len(value) > 6 else shown)]
    return [(prefix, str(value))]
