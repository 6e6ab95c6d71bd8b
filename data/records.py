"""The complaint (投诉) as it came in."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Complaint:
    """One complaint as received; nothing here was inferred.

    `source` is where the complaint came in (投诉来源), `channel` the JR/T A code of the channel the
    disputed business was done through, `received_at` is aware and decides which policy applies.
    """

    text: str
    received_at: datetime
    external_id: str | None = None
    source: str | None = None
    channel: str | None = None
    branch: str | None = None
    product_hint: str | None = None
    customer_segment: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
