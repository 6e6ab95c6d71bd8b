"""When which complaint comes in, and from where: drawn, the same for the same seed."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from data.labelled import LabelledText
from data.records import Complaint
from data.taxonomy.schema import Taxonomy

ZONE = ZoneInfo("Asia/Shanghai")
DAYS = 92
BRANCHES = (
    "城东支行", "滨江支行", "人民路支行", "高新区支行", "湖畔支行", "南门支行", "大学城支行",
    "开发区支行", "北苑支行", "青山分理处",
)  # fmt: skip
"""Branches of no real bank."""

# Weights by day of the week and hour: offices are called on Monday mornings, apps used at night.
_WEEKDAYS = (1.35, 1.2, 1.1, 1.05, 1.1, 0.6, 0.5)
_HOURS = (
    0.2, 0.1, 0.1, 0.1, 0.1, 0.2, 0.4, 0.8, 1.6, 2.4, 2.6, 2.0,
    1.4, 1.6, 2.2, 2.3, 2.0, 1.5, 1.1, 1.0, 1.1, 1.0, 0.7, 0.4,
)  # fmt: skip
_SURGE_DAYS, _SURGE_SHARE = 6, 0.12
_REPEATED, _NAMED_BRANCH = 0.06, 0.7


@dataclass(frozen=True, slots=True)
class Scene:
    """A complaint that comes in, with what people would say it is."""

    complaint: Complaint
    truth: Mapping[str, str]


def scenes(
    texts: Sequence[LabelledText], taxonomy: Taxonomy, until: datetime, seed: int
) -> list[Scene]:
    """Each text once, over the 92 days before `until`, in order of receipt.

    In the last days one branch is complained about, for the first head's most frequent label, more
    than ever before: something for the boards to find.
    """
    draw = random.Random(seed)  # noqa: S311 - nothing here is secret
    days = [until.astimezone(ZONE).date() - timedelta(days=d) for d in range(DAYS, -1, -1)]
    weights = [_WEEKDAYS[day.weekday()] for day in days]
    surging = _surging(texts, taxonomy)
    found = []
    for number, item in enumerate(texts):
        surge = _label(item, taxonomy) == surging and draw.random() < _SURGE_SHARE
        day = draw.choice(days[-_SURGE_DAYS:]) if surge else draw.choices(days, weights)[0]
        branch = BRANCHES[0] if surge else draw.choice(BRANCHES)
        received = min(_moment(day, draw), until - timedelta(seconds=draw.randrange(60, 3600)))
        complaint = _complaint(item, number, received, branch, surge, taxonomy, draw)
        found.append(Scene(complaint, dict(item.labels)))
    return sorted(found, key=lambda scene: scene.complaint.received_at)


def _surging(texts: Sequence[LabelledText], taxonomy: Taxonomy) -> str | None:
    counts = Counter(_label(item, taxonomy) for item in texts)
    counts.pop(None, None)
    return counts.most_common(1)[0][0] if counts else None


def _label(item: LabelledText, taxonomy: Taxonomy) -> str | None:
    return item.labels.get(taxonomy.heads[0].name)


def _moment(day: date, draw: random.Random) -> datetime:
    hour = draw.choices(range(24), _HOURS)[0]
    at = time(hour, draw.randrange(60), draw.randrange(60), tzinfo=ZONE)
    return datetime.combine(day, at)


def _complaint(
    item: LabelledText,
    number: int,
    received: datetime,
    branch: str,
    surge: bool,
    taxonomy: Taxonomy,
    draw: random.Random,
) -> Complaint:
    named = branch if surge or draw.random() < _NAMED_BRANCH else None
    customer = draw.randrange(40) if draw.random() < _REPEATED else 1000 + number
    return Complaint(
        text=item.text,
        received_at=received,
        external_id=f"DEMO-{received:%Y%m%d}-{number:05d}",
        source=_drawn("source", taxonomy, draw),
        channel=_drawn("channel", taxonomy, draw),
        branch=named,
        customer_segment=_drawn("customer_segment", taxonomy, draw),
        metadata={"demo": True, "customer": f"demo-{customer:05d}"},
    )


def _drawn(field: str, taxonomy: Taxonomy, draw: random.Random) -> str | None:
    """A code of the taxonomy's list, the first ones more often; None where it has no such list."""
    known = taxonomy.fields.get(field)
    if known is None:
        return None
    codes = list(known.codes)
    return draw.choices(codes, [1.0 / (position + 1) ** 1.5 for position in range(len(codes))])[0]
