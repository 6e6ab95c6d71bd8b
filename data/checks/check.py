"""What a check sees, and what it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Protocol

from data.labelled import LabelledText
from data.quality.duplicates import Pair, near_duplicates
from data.taxonomy.schema import Taxonomy


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a file: its labelled text, or the problem that keeps it from being one."""

    file: str
    line: int
    id: str
    item: LabelledText | None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Signals:
    """What a model says of texts without labelling them, one figure a text.

    `unknown` is the share of the text its vocabulary does not cover, `novelty` the out-of-domain
    score where the model has one.
    """

    unknown: Sequence[float]
    novelty: Sequence[float] | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """What the rows are compared with: texts the champion was trained on."""

    texts: Sequence[LabelledText]
    signals: Signals | None = None


@dataclass(frozen=True)
class Context:
    """All that checks look at.

    `against` are other texts that must not be repeated (held-out ones); `signals` are the
    champion's figures for `texts`, in their order; near-duplicates count from `similarity` on.
    """

    rows: Sequence[Row]
    taxonomy: Taxonomy
    against: Sequence[LabelledText] = ()
    signals: Signals | None = None
    reference: Reference | None = None
    similarity: float = 0.5

    @cached_property
    def places(self) -> list[int]:
        """Position in `rows` of every readable text."""
        return [i for i, row in enumerate(self.rows) if row.item is not None]

    @cached_property
    def texts(self) -> list[LabelledText]:
        """Every readable text, in the order of `places`."""
        return [row.item for row in self.rows if row.item is not None]

    @cached_property
    def pairs(self) -> list[Pair]:
        """Near-duplicates among `texts` followed by `against`, by position in both together."""
        return near_duplicates([t.text for t in (*self.texts, *self.against)], self.similarity)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    `scores` has, by position of the row, 0 (bad) to 1 (good); a row that was not judged has none.
    `flagged` says per row, for people, what is wrong; `sentence` sums up; `figures` are numbers
    for a report. `mend` says that flagged rows spoil training or evaluation as they are.
    """

    check: str
    sentence: str
    scores: Mapping[int, float] = field(default_factory=dict)
    flagged: Mapping[int, str] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)
    mend: bool = False


class Check(Protocol):
    """One kind of issue. A check flags rows; it never changes or drops one."""

    name: ClassVar[str]

    def __call__(self, context: Context) -> Finding:
        """Judge every row."""
        ...
