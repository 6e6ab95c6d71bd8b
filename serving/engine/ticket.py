"""One admitted text on its way through the engine."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

from serving.engine.laps import Laps

T = TypeVar("T")

# Runs in a worker; may answer at once, or with a future for what still has to become durable.
Work: TypeAlias = Callable[[Laps], "T | Future[T]"]


@dataclass(slots=True, eq=False)
class Ticket(Generic[T]):
    """Work with its place in the queue: what is due first is done first.

    `deadline` is on the engine's clock. `future` is the caller's: cancelled before the work began,
    the work is dropped.
    """

    work: Work[T]
    deadline: float
    number: int
    laps: Laps
    future: Future[T] = field(default_factory=Future)
    begun: bool = False

    @property
    def place(self) -> tuple[float, int]:
        """Sorts by deadline, then by arrival."""
        return self.deadline, self.number

    def drop(self) -> bool:
        """Give the work up if it has not begun; False where it has."""
        return self.future.cancel()

    def fail(self, error: Exception) -> None:
        """Answer with an error, unless there is an answer."""
        if not self.future.done():
            self.future.set_exception(error)

    def succeed(self, result: T) -> None:
        """Answer, unless there is an answer."""
        if not self.future.done():
            self.future.set_result(result)
