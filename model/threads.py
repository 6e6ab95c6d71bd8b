"""How many processors this process may really use."""

from __future__ import annotations

import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def effective_cpus(cgroup: Path = _CGROUP) -> int:
    """Whole processors: the least of affinity and container quota, at least one.

    Thread pools sized by the host's processors, as libraries do, are throttled in a container.
    """
    limits = [float(_affinity()), *_quotas(cgroup)]
    return max(1, int(min(limits)))


def _affinity() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quotas(cgroup: Path) -> list[float]:
    """Processors allowed by cgroup v2 (`cpu.max`: quota and period) and v1, where one is set."""
    found = []
    v2 = _words(cgroup / "cpu.max")
    if len(v2) == 2 and v2[0].isdigit():
        found.append(int(v2[0]) / int(v2[1]))
    quota = _words(cgroup / "cpu" / "cpu.cfs_quota_us")
    period = _words(cgroup / "cpu" / "cpu.cfs_period_us")
    if quota and period and quota[0].isdigit() and int(quota[0]):
        found.append(int(quota[0]) / int(period[0]))
    return found


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []
