"""The data checks of a run: they flag rows for people, and stop nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import orjson

from data.checks.check import Context, Row
from data.checks.run import Report, run, standard
from data.snapshot.store import ROWS
from training.retrain.challenger import Material
from training.retrain.record import write_bytes


def check(material: Material, target: Path, tell: Callable[[str], None]) -> Report:
    """Run every check on the texts of a snapshot and write what was flagged, row by row.

    Wrong labels are looked for by `suda data check`: that trains several models.
    """
    rows = [Row(ROWS, n, item.id, item) for n, item in enumerate(material.texts, 1)]
    report = run(
        Context(rows, material.taxonomy), standard(), lambda name: tell(f"checking {name}")
    )
    flagged = (row for row in report.rows() if row["notes"])
    write_bytes(target, b"".join(orjson.dumps(row) + b"\n" for row in flagged))
    return report


def flags(report: Report) -> dict[str, int]:
    """How many rows each check flagged."""
    return {finding.check: len(finding.flagged) for finding in report.findings}
