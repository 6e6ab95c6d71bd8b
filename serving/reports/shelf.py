"""Reports of a running service: made once a minute at most, so that page and file are the same."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import datetime, timedelta
from typing import Any, Final

from serving.reports.report import Report

LASTS: Final = timedelta(seconds=60)
_KEPT: Final = 32


class Shelf:
    """The last reports, by what they are about. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reports: OrderedDict[Hashable, tuple[datetime, Report]] = OrderedDict()

    def get(
        self, key: Hashable, now: datetime, work: Callable[[], Report], *, fresh: bool = False
    ) -> Report:
        """The report that stands here, or what `work` makes now."""
        with self._lock:
            standing = self._reports.get(key)
            if standing is not None and not fresh and now - standing[0] < LASTS:
                return standing[1]
        report = work()
        with self._lock:
            self._reports[key] = (now, report)
            self._reports.move_to_end(key)
            while len(self._reports) > _KEPT:
                self._reports.popitem(last=False)
        return report


def shelf_of(holder: Any) -> Shelf:
    """The one that a running application keeps on `holder`; made when it is first asked for."""
    found: Shelf | None = getattr(holder, "shelf", None)
    if found is None:
        holder.shelf = found = Shelf()
    return found
