"""What a run ran on: enough to say later why two runs differ."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from model.threads import effective_cpus

# Those whose version can change a number.
PACKAGES = (
    "suda",
    "numpy",
    "scipy",
    "scikit-learn",
    "jieba",
    "rjieba",
    "opencc",
    "tokenizers",
    "onnxruntime",
    "onnx",
    "torch",
    "transformers",
)
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def environment() -> dict[str, Any]:
    """Versions, processor, threads and the revision of the code, as plain values."""
    return {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "processor": _processor(),
        "cpus": effective_cpus(),
        "threads": {name: os.environ[name] for name in _THREADS if name in os.environ},
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "revision": revision(),
    }


def revision(directory: Path = Path(__file__).parent) -> str | None:
    """The git revision of the code, with `+changes` where files differ; None outside git."""
    git = shutil.which("git")
    if git is None:
        return None
    head = _git(git, directory, "rev-parse", "HEAD")
    changes = _git(git, directory, "status", "--porcelain", "--untracked-files=no")
    return f"{head}+changes" if head and changes else head


def _git(git: str, directory: Path, *words: str) -> str | None:
    done = subprocess.run(  # noqa: S603
        [git, "-C", str(directory), *words], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    lines = Path("/proc/cpuinfo")
    if lines.exists():
        for line in lines.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()
