"""The taxonomy as objects. A head (标签轴) is one question with a closed set of labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

HeadKind = Literal["tree", "flat", "ordinal"]


@dataclass(frozen=True, slots=True)
class Label:
    """One code of a head, with what a person needs to apply it.

    `includes` and `excludes` are the boundary notes of the labelling guide, `examples` are
    written for the taxonomy and appear in no corpus. `official` is the code of the licensed
    standard, where a bank has laid its table over the provisional codes.
    """

    code: str
    name: str
    definition: str = ""
    includes: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    parent: str | None = None
    official: str | None = None


@dataclass(frozen=True)
class Head:
    """One question: its kind and its labels in file order.

    A `tree` is answered with a leaf or, in doubt, an inner node. An `ordinal` head lists its
    labels from the most to the least severe. `labels` holds every node; `leaves` is what a model
    scores.
    """

    name: str
    kind: HeadKind
    title: str
    labels: tuple[Label, ...]

    @cached_property
    def by_code(self) -> Mapping[str, Label]:
        """Every node by its code."""
        return {label.code: label for label in self.labels}

    @cached_property
    def parents(self) -> frozenset[str]:
        """Codes that have children."""
        return frozenset(label.parent for label in self.labels if label.parent)

    @cached_property
    def leaves(self) -> tuple[str, ...]:
        """Codes without children, in file order: the columns of every logit and probability."""
        return tuple(label.code for label in self.labels if label.code not in self.parents)

    @cached_property
    def leaf_index(self) -> Mapping[str, int]:
        """Column of each leaf."""
        return {code: column for column, code in enumerate(self.leaves)}

    def path(self, code: str) -> tuple[str, ...]:
        """Codes from the root to `code`, both included. Raises KeyError for an unknown code."""
        label = self.by_code[code]
        above = self.path(label.parent) if label.parent else ()
        return (*above, code)

    def is_under(self, code: str, ancestor: str) -> bool:
        """Whether `code` is `ancestor` or lies below it."""
        return ancestor in self.path(code)

    @cached_property
    def leaves_under(self) -> Mapping[str, tuple[int, ...]]:
        """For every node, the columns of the leaves at or below it."""
        return {
            label.code: tuple(
                column
                for leaf, column in self.leaf_index.items()
                if self.is_under(leaf, label.code)
            )
            for label in self.labels
        }

    @cached_property
    def depth(self) -> int:
        """Number of levels; 1 for flat and ordinal heads."""
        return max(len(self.path(leaf)) for leaf in self.leaves)

    def at_level(self, code: str, level: int) -> str:
        """The ancestor of `code` at `level` (1 = root), or `code` where it lies higher."""
        path = self.path(code)
        return path[min(level, len(path)) - 1]

    def rank(self, code: str) -> int:
        """Severity of an ordinal label: 0 is the most severe."""
        return self.leaf_index[code]

    def __iter__(self) -> Iterator[Label]:
        return iter(self.labels)


@dataclass(frozen=True)
class CodeList:
    """A closed list of codes for a field of a complaint that no model predicts (e.g. channel)."""

    name: str
    title: str
    codes: Mapping[str, str]


@dataclass(frozen=True)
class Taxonomy:
    """All heads and code lists, with the version and hash that decisions are stamped with."""

    id: str
    version: str
    title: str
    codes_status: Literal["provisional", "licensed"]
    heads: tuple[Head, ...]
    fields: Mapping[str, CodeList] = field(default_factory=dict)
    sha256: str = ""

    @cached_property
    def by_name(self) -> Mapping[str, Head]:
        """Heads by name."""
        return {head.name: head for head in self.heads}

    def __getitem__(self, head: str) -> Head:
        return self.by_name[head]

    def __contains__(self, head: object) -> bool:
        return head in self.by_name

    @property
    def stamp(self) -> str:
        """What a decision records: id, version and the first 12 digits of the file's hash."""
        return f"{self.id}@{self.version}+{self.sha256[:12]}"
