"""A file of behaviour tests, as it is written. Unknown keys are refused."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Text = Annotated[str, Field(min_length=1)]
Codes = Annotated[
    tuple[str, ...],
    Field(min_length=1),
    BeforeValidator(lambda value: (value,) if isinstance(value, str) else value),
]
Labels = dict[str, Codes]
Course = Literal["rise", "fall", "same", "not_rise", "not_fall"]


class Strict(BaseModel):
    """Base of everything in a file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Minimum(Strict):
    """Minimum functionality (MFT): what must come of one text.

    `expect` names a code, or several that are all right, for a head; an inner node of a tree stands
    for everything under it. For the urgency head the level after rules is meant. `flags` must be
    raised, `absent` must not; `review` says whether a person must look.
    """

    id: str = Field(min_length=1)
    text: Text
    expect: Labels = {}
    flags: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    review: bool | None = None
    why: str = ""


class Written(Strict):
    """Invariance (INV), by hand: variants of one text that must be answered like it.

    `heads` are those that must hold, all where none is named.
    """

    id: str = Field(min_length=1)
    text: Text
    variants: tuple[Text, ...] = Field(min_length=1)
    heads: tuple[str, ...] = ()
    tolerance: float | None = Field(default=None, ge=0, le=1)
    why: str = ""


class Transformed(Strict):
    """Invariance (INV), by a named transform of base texts: one case for each of them."""

    transform: str
    bases: tuple[str, ...] = Field(min_length=1)
    heads: tuple[str, ...] = ()
    tolerance: float | None = Field(default=None, ge=0, le=1)


class Directional(Strict):
    """Direction (DIR): `changed` differs from `text` in what decides.

    `urgency` says how the level must move, `before` and `after` what the heads must answer,
    `raises` which flags are absent before and there after, `clears` the reverse.
    """

    id: str = Field(min_length=1)
    text: Text
    changed: Text
    urgency: Course | None = None
    before: Labels = {}
    after: Labels = {}
    raises: tuple[str, ...] = ()
    clears: tuple[str, ...] = ()
    why: str = ""


class Capability(Strict):
    """One thing the system must be capable of, with its tests of the three types.

    `tolerance` is how far the confidence in an unchanged label may move within its INV tests.
    """

    id: Id
    name: str = Field(min_length=1)
    tolerance: float = Field(default=0.1, ge=0, le=1)
    minimum: tuple[Minimum, ...] = ()
    invariance: tuple[Written, ...] = ()
    transformed: tuple[Transformed, ...] = ()
    direction: tuple[Directional, ...] = ()


class BehaviourFile(Strict):
    """One file: the taxonomy it speaks of, base texts by id, capabilities."""

    taxonomy: str
    bases: dict[str, Text] = {}
    capabilities: tuple[Capability, ...] = ()
