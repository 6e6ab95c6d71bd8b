"""What the listening process and its workers say to each other, pickled over a socket of theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from data.errors import InputError
from data.taxonomy.schema import Taxonomy
from data.text.normalise import NormalisedText
from serving.pipeline import Asked
from serving.triage.policy import PolicySet


@dataclass(frozen=True, slots=True)
class Load:
    """Load and verify the bundle at `path` and call it `model`; answered with its version."""

    model: str
    path: str


@dataclass(frozen=True, slots=True)
class Equip:
    """Decide by these as `pipeline` from now on, with a loaded model; answered with its name."""

    pipeline: str
    model: str
    policies: PolicySet
    taxonomy: Taxonomy
    top_k: int


@dataclass(frozen=True, slots=True)
class Forget:
    """Let go of a model or a pipeline; not answered."""

    name: str


@dataclass(frozen=True, slots=True)
class Predict:
    """Answer a text; answered with a Prediction."""

    model: str
    text: NormalisedText
    top_k: int


@dataclass(frozen=True, slots=True)
class Decide:
    """Decide some complaints; answered with an Outcome, Refused or Failed for each."""

    pipeline: str
    asked: Sequence[Asked]


@dataclass(frozen=True, slots=True)
class Done:
    """What was asked for."""

    result: Any


@dataclass(frozen=True, slots=True)
class Refused:
    """The complaint itself is at fault: an InputError's message and field."""

    message: str
    field: str | None


@dataclass(frozen=True, slots=True)
class Failed:
    """Why not: the error's class, and its words where they are ours."""

    kind: str
    message: str


class WorkerError(Exception):
    """A worker failed on a text, died of it, or took too long."""


class WorkerDiedError(WorkerError):
    """The process is gone: because of the text, or of something that has nothing to do with it."""


def error_of(answer: Refused | Failed) -> InputError | WorkerError:
    """What the listening process raises where it is answered so."""
    if isinstance(answer, Refused):
        return InputError(answer.message, field=answer.field)
    return WorkerError(f"{answer.kind}: {answer.message}".removesuffix(": "))
