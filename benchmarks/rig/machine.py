"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import sqlite3
from typing import Any

import psutil

from model.threads import effective_cpus


def machine() -> dict[str, Any]:
    """Processors that may be used, load before the measurement, versions."""
    return {
        "cpus": effective_cpus(),
        "load_average_before": round(os.getloadavg()[0], 2),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "kernel": platform.release(),
    }
