"""What the engine tells of itself, to whoever keeps figures."""

from __future__ import annotations

from typing import Protocol

from serving.engine.laps import Laps


class Observer(Protocol):
    """Told of everything that is worth counting. Called from any thread; must not raise."""

    def rejected(self, reason: str, texts: int) -> None:
        """`texts` texts were not admitted."""
        ...

    def dropped(self, reason: str) -> None:
        """An admitted text was given up before it ran: `deadline`, `abandoned` or `stopped`."""
        ...

    def finished(self, laps: Laps) -> None:
        """A text was answered."""
        ...

    def failed(self) -> None:
        """A text was answered with an error."""
        ...

    def replaced(self, crew: str, threads: int) -> None:
        """Dead or stuck threads were replaced."""
        ...


class Silent:
    """Listens and says nothing."""

    def rejected(self, reason: str, texts: int) -> None:
        """Nothing."""

    def dropped(self, reason: str) -> None:
        """Nothing."""

    def finished(self, laps: Laps) -> None:
        """Nothing."""

    def failed(self) -> None:
        """Nothing."""

    def replaced(self, crew: str, threads: int) -> None:
        """Nothing."""
