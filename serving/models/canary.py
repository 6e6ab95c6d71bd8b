"""A share of complaints that a challenger answers, chosen by what the complaint is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from data.records import Complaint
from serving.pipeline import Pipeline

MOST = 0.5
"""No more than half are a canary's: whoever wants more means to activate it."""


@dataclass(frozen=True, slots=True)
class Canary:
    """`pipeline` answers `share` of all complaints."""

    pipeline: Pipeline
    share: float

    def takes(self, complaint: Complaint) -> bool:
        """Whether it answers this one: the same complaint always gets the same answer, and a
        larger share keeps those of a smaller one.
        """
        return place(complaint, self.pipeline.classifier.version) < self.share


def place(complaint: Complaint, version: str) -> float:
    """Where a complaint stands in [0, 1): by source and external id, else by its words.

    The version goes in, so that it is not always the same complaints that canaries answer, nor
    those of the audit sample.
    """
    identity = (
        f"{complaint.source or ''}\0{complaint.external_id}"
        if complaint.external_id is not None
        else complaint.text
    )
    whole = f"canary\0{version}\0{identity}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(whole).digest()[:8]) / 2.0**64
