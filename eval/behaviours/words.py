"""The word lists of the transforms."""

from __future__ import annotations

import functools
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

_PATH = Path(__file__).with_name("words.yaml")


class Words(BaseModel):
    """`words.yaml`: lists to exchange within, to add from, and tables of replacements."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    banks: list[list[str]]
    surnames: list[str]
    titles: list[str]
    places: list[str]
    openings: list[str]
    closings: list[str]
    stories: list[str]
    emoji: list[str]
    fillers: list[str]
    homophones: dict[str, str]
    look_alikes: dict[str, str]
    colloquial: dict[str, str]


@functools.cache
def words() -> Words:
    """The lists, read once."""
    return Words.model_validate(yaml.safe_load(_PATH.read_text(encoding="utf-8")))
