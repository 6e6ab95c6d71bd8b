"""The suite's file: what is measured, and how far each figure may go."""

from __future__ import annotations

import hashlib
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from data.errors import FileFormatError
from data.taxonomy.schema import Taxonomy
from eval.suite.names import METRICS, metric

DEFAULT: Final = Path(__file__).parent / "suite.toml"
COSTS: Final = Path(__file__).parent / "costs"

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]


class Strict(BaseModel):
    """Base of every table: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class HeadChoice(Strict):
    """Which heads a table is about: a named one, those of a kind, or all.

    With `taxonomy` it holds for the taxonomy of that id only, and is not there for others.
    """

    taxonomy: str | None = None
    head: str | None = None
    kind: Literal["tree", "flat", "ordinal"] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.head and self.kind:
            raise ValueError("expected head or kind, not both")
        return self

    def takes(self, head: str, kind: str) -> bool:
        """Whether a head is among them."""
        return self.head in (None, head) and self.kind in (None, kind)


class MetricGate(HeadChoice):
    """A metric with its limits; none means it is reported and never stops anything.

    `min` and `max` bound the figure. Beside a champion, in the metric's own direction: `max_loss`
    is how much worse the figure may be, `proven_loss` how much worse it may provably be (the whole
    95 % interval of the paired difference beyond it), `non_inferior` how much worse it could at
    most still be (any of that interval beyond it); `max_factor` is for times and sizes, and
    `pass_below` a value at which no comparison matters. `required` fails what is not known.

    A figure of quality that misses `min` or `max` still passes where the champion misses it too
    and the challenger is no worse: to refuse it would keep the worse one serving.
    """

    metric: str
    min: float | None = None
    max: float | None = None
    max_loss: float | None = Field(default=None, ge=0)
    proven_loss: float | None = Field(default=None, ge=0)
    non_inferior: float | None = Field(default=None, ge=0)
    max_factor: float | None = Field(default=None, ge=1)
    pass_below: float | None = None
    min_texts: int = Field(default=1, ge=1)
    required: bool = False
    why: str = ""

    @model_validator(mode="after")
    def _known(self) -> Self:
        found = metric(self.metric)
        if found is None:
            raise ValueError(f"unknown metric {self.metric!r}, expected one of {_names()}")
        if found.area != "head" and (self.head or self.kind):
            raise ValueError(f"{self.metric} is not a figure of a head: leave out head and kind")
        return self


class ClassGate(HeadChoice):
    """A limit on every label with at least `min_support` texts (or on `labels` alone).

    `max_loss` is to the champion, and counts where chance alone would lose so many texts of any
    label with a probability below `alpha` (exact one-sided McNemar, Bonferroni over the labels).
    """

    metric: Literal["recall", "f1"] = "recall"
    labels: list[str] = []
    min_support: int = Field(default=10, ge=1)
    min: Share | None = None
    max_loss: Share | None = None
    alpha: Positive = 0.05
    why: str = ""


class SliceGate(HeadChoice):
    """A limit on the accuracy of every slice with at least `min_texts` texts.

    `max_loss` is to the champion, and counts where chance alone would make a difference as large in
    any slice with a probability below `alpha` (normal, Bonferroni over the slices).
    """

    columns: list[str] = []
    min_texts: int = Field(default=40, ge=2)
    min: Share | None = None
    max_loss: Share | None = None
    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.05
    why: str = ""


class BehaviourGate(Strict):
    """A limit on the share of behaviour cases that hold, of all or of one type or capability."""

    taxonomy: str | None = None
    type: str | None = None
    capability: str | None = None
    min: Share | None = None
    max_loss: Share | None = None
    required: bool = False
    why: str = ""


class Slices(Strict):
    """What texts are cut by, beside what is found in the text itself."""

    columns: list[str] = ["source", "channel", "style", "kind", "customer_segment"]
    min_texts: int = Field(default=30, ge=2)
    max_values: int = Field(default=40, ge=2)
    worst: int = Field(default=10, ge=1)
    lengths: list[int] = [30, 80, 160, 400]


class Operating(Strict):
    """How the bundle itself is tried: texts timed, and texts asked again in company."""

    timed: int = Field(default=200, ge=1)
    repeated: int = Field(default=64, ge=1)
    threads: int = Field(default=4, ge=1)


class _File(Strict):
    version: str = Field(min_length=1)
    draws: int = Field(default=1000, ge=10)
    seed: int = 20261122
    received_at: datetime = datetime(2026, 11, 23, 2, tzinfo=UTC)
    costs: str | None = None
    examples: int = Field(default=5, ge=0)
    errors: int = Field(default=20, ge=0)
    urgent: dict[str, list[str]] = {}
    slices: Slices = Slices()
    operating: Operating = Operating()
    metric: list[MetricGate] = []
    per_class: list[ClassGate] = []
    per_slice: list[SliceGate] = []
    behaviour: list[BehaviourGate] = []

    @model_validator(mode="after")
    def _zoned(self) -> Self:
        if self.received_at.tzinfo is None:
            raise ValueError("received_at: expected a time with its offset")
        return self


class SuiteConfig(_File):
    """A suite as read; `name` is its file with version and hash."""

    name: str = ""
    directory: Path = COSTS


def load(path: Path = DEFAULT) -> SuiteConfig:
    """Read a suite file. Raises FileFormatError naming the file, the key and what was expected."""
    try:
        raw = path.read_bytes()
        document = tomllib.loads(raw.decode())
    except OSError as error:
        raise FileFormatError(f"cannot be read: {error.strerror}", field=str(path)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FileFormatError(f"is not TOML: {error}", field=str(path)) from error
    return parse(document, name=str(path), sha256=hashlib.sha256(raw).hexdigest())


def parse(document: dict[str, Any], *, name: str, sha256: str = "") -> SuiteConfig:
    """Make a suite of a document; `name` is used in errors. Raises FileFormatError."""
    try:
        file = _File.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "file"
        raise FileFormatError(first["msg"], field=f"{name}: {key}") from error
    stem = Path(name).stem
    stamp = f"{stem}@{file.version}" + (f"+{sha256[:12]}" if sha256 else "")
    costs = Path(name).parent if file.costs else COSTS
    return SuiteConfig.model_validate({**file.model_dump(), "name": stamp, "directory": costs})


def for_taxonomy(config: SuiteConfig, taxonomy: Taxonomy) -> SuiteConfig:
    """The suite without the gates of other taxonomies.

    Raises FileFormatError naming the gate whose head the taxonomy does not have.
    """
    kept: dict[str, Any] = {
        key: [gate for gate in getattr(config, key) if gate.taxonomy in (None, taxonomy.id)]
        for key in ("metric", "per_class", "per_slice", "behaviour")
    }
    for key in ("metric", "per_class", "per_slice"):
        for gate in kept[key]:
            if gate.head is not None and gate.head not in taxonomy:
                names = ", ".join(head.name for head in taxonomy.heads)
                raise FileFormatError(
                    f"no head {gate.head!r}, expected one of {names}",
                    field=f"{config.name}: {key} {gate.metric}",
                )
    return config.model_copy(update=kept)


def _names() -> str:
    return ", ".join([*METRICS, "level1", "level2", "…"])
