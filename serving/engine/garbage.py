"""Keep Python's collector away from what stays, and give back what is free."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager


def settle() -> None:
    """From now on the collector passes over all that exists, too. Until `settled` ends."""
    gc.collect()
    gc.freeze()


@contextmanager
def settled() -> Iterator[None]:
    """Meanwhile the collector passes over all that exists now.

    A full collection walks every object, here some hundred thousand of libraries, model and policy
    that never go: a fifth of a second in which no thread of the process runs.
    """
    settle()
    try:
        yield
    finally:
        gc.unfreeze()


def give_back() -> None:
    """Return freed memory to the system, where the C library can: glibc keeps most of it."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
