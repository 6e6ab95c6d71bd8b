"""One admitted text on its way through the engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Generic, Self, TypeAlias, TypeVar

from data.errors import SudaError
from serving.engine.laps import Laps

T = TypeVar("T")

# Runs in a worker; may answer at once, or with a future for what still has to become durable.
Work: TypeAlias = Callable[[Laps], "T | Future[T]"]


class JointWork(ABC, Generic[T]):
    """Work of which some of one class are done for less together than one after the other."""

    def __call__(self, laps: Laps) -> T | Future[T]:
        """Do it alone."""
        (done,) = self.together([self], [laps])
        if isinstance(done, Exception):
            raise done
        return done

    @abstractmethod
    def together(
        self, works: Sequence[Self], laps: Sequence[Laps]
    ) -> Sequence[T | Future[T] | Exception]:
        """Do `works`, this one and others; in the place of one that fails stands why."""


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

    def joins(self, other: Ticket[Any]) -> bool:
        """Whether its work may be done together with the other's."""
        return type(self.work) is type(other.work) and isinstance(self.work, JointWork)

    def drop(self) -> bool:
        """Give the work up if it has not begun; False where it has."""
        return self.future.cancel()

    def fail(self, error: Exception) -> None:
        """Answer with an error, unless there is an answer."""
        if isinstance(error, SudaError):
            # It says all by itself. Its frames hold the ticket, and the ticket would hold them.
            error.__traceback__ = None
        if not self.future.done():
            self.future.set_exception(error)

    def succeed(self, result: T) -> None:
        """Answer, unless there is an answer."""
        if not self.future.done():
            self.future.set_result(result)
