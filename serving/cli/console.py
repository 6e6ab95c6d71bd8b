"""Where commands print: answers to standard output, everything else to standard error."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)

# Piped output keeps its tables whole.
out = Console(width=None if sys.stdout.isatty() else 160)
err = Console(stderr=True)


def progress() -> Progress:
    """A progress bar with count and remaining time; silent where there is no terminal."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=err,
        disable=not err.is_terminal,
        transient=True,
    )
