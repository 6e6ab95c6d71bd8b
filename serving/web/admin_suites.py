"""What the suite said of a registered version, as its page shows it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.errors import SudaError
from data.taxonomy.schema import Taxonomy
from model.registry.registry import Registry
from model.registry.verdict import Verdict
from serving.web.admin_metrics import TITLES
from serving.web.sentences import chinese

_LEVEL = re.compile(r"level([1-9])")
_PLAIN = {"latency_ms", "latency_p95_ms", "size_mb", "misrouting_cost", "mae"}
# The suite's sentences are for developers; those an administrator meets are said in Chinese.
_REFUSALS = (
    ("the suite has not been run on it", "尚未评测该版本。请先在服务器上运行 suda models judge"),
    ("the suite was run on another bundle", "评测的不是现在登记的这一份模型，请重新评测"),
    ("the suite compared it with", "评测时对照的不是现在在用的模型，请重新评测"),
    ("there is no earlier champion", "没有可以回退到的上一版模型"),
    ("is the champion", "该版本正在使用"),
)


@dataclass(frozen=True, slots=True)
class Value:
    """A figure with its 95 % interval, where one was taken."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A metric of a version: `share` says that it is between 0 and 1."""

    area: str
    name: str
    title: str
    better: str
    share: bool
    value: Value
    champion: Value | None
    difference: Value | None


@dataclass(frozen=True, slots=True)
class Suite:
    """A stored result: the verdict, the metrics, what it was measured on."""

    verdict: Verdict
    rows: tuple[Row, ...]
    data: str
    texts: int | None


@dataclass(frozen=True, slots=True)
class Pair:
    """A metric of two versions; `comparable` where both were measured on the same texts."""

    row: Row
    other: Row | None

    @property
    def better(self) -> str:
        """Which side is better: one, other, or neither."""
        if self.other is None or self.row.value.value == self.other.value.value:
            return ""
        higher = self.row.value.value > self.other.value.value
        return "one" if higher == (self.row.better == "higher") else "other"


def path_of(registry: Registry, version: str) -> Path:
    """Where a version's result is kept."""
    return registry.path / "suites" / f"{version}.json"


def suite_of(registry: Registry, version: str, taxonomy: Taxonomy) -> Suite | None:
    """What the suite said last; None where it said nothing, or nothing that can be read."""
    try:
        verdict = registry.verdict(version)
        if verdict is None:
            return None
        result = json.loads(path_of(registry, version).read_bytes())["result"]
    except (SudaError, OSError, ValueError, KeyError):
        return None
    data = result.get("data") or {}
    rows = tuple(_rows(result, taxonomy))
    return Suite(verdict, rows, str(data.get("name") or "—"), data.get("n"))


def paired(one: Sequence[Row], other: Sequence[Row]) -> list[Pair]:
    """The metrics of one beside those of the other."""
    by_name = {(row.area, row.name): row for row in other}
    return [Pair(row, by_name.get((row.area, row.name))) for row in one]


def refusal(message: str) -> str:
    """Why a version may not serve, in Chinese as far as that is known."""
    for begins, said in _REFUSALS:
        if begins in message:
            return f"{said}。"
    return f"评测未通过：{chinese(message)}"


def _rows(result: Mapping[str, Any], taxonomy: Taxonomy) -> Iterator[Row]:
    for head, values in (result.get("heads") or {}).items():
        title = taxonomy[head].title if head in taxonomy else head
        yield from _metrics(title, values.get("metrics"))
    yield from _metrics("判定与派单", (result.get("decisions") or {}).get("metrics"))
    behaviours = result.get("behaviours")
    if behaviours:
        champion = behaviours.get("champion_rate")
        other = None if champion is None else Value(champion)
        yield _row("行为测试", "behaviours", "higher", Value(behaviours["rate"]), other)
    operations = [(result.get(side) or {}).get("operations") for side in ("challenger", "champion")]
    for name in ("latency_ms", "size_mb"):
        if operations[0] and name in operations[0]:
            other = Value(operations[1][name]) if operations[1] else None
            yield _row("运行", name, "lower", Value(operations[0][name]), other)


def _metrics(area: str, metrics: Mapping[str, Any] | None) -> Iterator[Row]:
    for name, metric in (metrics or {}).items():
        value = _value(metric.get("value"))
        if value is not None:
            champion, difference = _value(metric.get("champion")), _value(metric.get("difference"))
            yield _row(area, name, str(metric.get("better")), value, champion, difference)


def _row(
    area: str,
    name: str,
    better: str,
    value: Value,
    champion: Value | None,
    difference: Value | None = None,
) -> Row:
    share = name not in _PLAIN
    return Row(area, name, _title(name), better, share, value, champion, difference)


def _title(name: str) -> str:
    level = _LEVEL.fullmatch(name.split(".")[-1])
    if level:
        return f"第 {level[1]} 级准确率"
    return TITLES.get(name, name)


def _value(figure: Any) -> Value | None:
    if not isinstance(figure, Mapping) or figure.get("value") is None:
        return None
    return Value(float(figure["value"]), figure.get("low"), figure.get("high"))
