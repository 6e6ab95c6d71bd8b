from __future__ import annotations

import os
from pathlib import Path

from model.threads import effective_cpus


def write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def test_without_a_quota_affinity_decides(tmp_path: Path) -> None:
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert effective_cpus(tmp_path) == own
    write(tmp_path / "cpu.max", "max 100000\n")
    assert effective_cpus(tmp_path) == own


def test_a_quota_below_one_processor_still_runs(tmp_path: Path) -> None:
    write(tmp_path / "cpu.max", "50000 100000\n")
    assert effective_cpus(tmp_path) == 1


def test_the_older_quota_counts_as_well(tmp_path: Path) -> None:
    write(tmp_path / "cpu" / "cpu.cfs_quota_us", "100000")
    write(tmp_path / "cpu" / "cpu.cfs_period_us", "100000")
    assert effective_cpus(tmp_path) == 1
    write(tmp_path / "cpu" / "cpu.cfs_quota_us", "-1")
    assert effective_cpus(tmp_path) >= 1
