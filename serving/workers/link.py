"""One worker process, as the listening process sees it."""

from __future__ import annotations

import pickle
import select
import socket
import subprocess
import sys
import threading
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from serving.workers.messages import (
    Done,
    Equip,
    Failed,
    Forget,
    Load,
    Refused,
    WorkerDiedError,
    WorkerError,
    error_of,
)

# Importing and verifying a bundle on a machine that does other things as well, in seconds.
_LOAD_SECONDS = 120.0
_LAST_SECONDS = 2.0
_COMMAND = (sys.executable, "-m", "serving.workers.worker")


class Link:
    """A process and the socket to it. `lock` is held by whoever talks to it: one at a time.

    `holds` are the names of the models it has loaded and of the pipelines it was equipped with.
    """

    def __init__(self, command: tuple[str, ...] = _COMMAND) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                [*command, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        self._connection = Connection(ours.detach())
        # Kept: `Connection.poll` makes a selector for each question.
        self._answered = select.poll()
        self._answered.register(self._connection.fileno(), select.POLLIN)
        self._forgotten: list[str] = []
        self.lock = threading.Lock()
        self.holds: set[str] = set()

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs and was not given up."""
        return not self._connection.closed and self._process.poll() is None

    def load(self, model: str, path: Path) -> None:
        """Let it load a bundle. Raises WorkerError."""
        self.ask(Load(model, str(path)), _LOAD_SECONDS)
        self.holds.add(model)

    def equip(self, message: Equip) -> None:
        """Let it decide by a pipeline, if it has its model. Raises WorkerError."""
        if message.model not in self.holds:
            return
        try:
            self.ask(message, _LOAD_SECONDS)
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            raise WorkerError(f"policies cannot be sent: {type(error).__name__}") from error
        self.holds.add(message.pipeline)

    def forget(self, name: str) -> None:
        """Let it go of a model or a pipeline before it does anything else. Takes no lock: it may
        be called by the garbage collector.
        """
        self.holds.discard(name)
        self._forgotten.append(name)

    def ask(self, message: Any, seconds: float) -> Any:
        """Send and wait for the answer; hold `lock` meanwhile.

        Raises WorkerError where the process fails, dies (WorkerDiedError), or takes longer: then it
        is ended, since what it would still say belongs to nobody. Raises InputError where the
        complaint is at fault.
        """
        try:
            while self._forgotten:
                self._connection.send(Forget(self._forgotten.pop()))
            self._connection.send(message)
            if not self._answered.poll(seconds * 1000):
                raise WorkerError(f"no answer within {seconds:.0f} s")
            answer = self._connection.recv()
        except WorkerError:
            self.close()
            raise
        except (EOFError, OSError) as error:
            self.close()
            raise WorkerDiedError("the worker process died") from error
        if isinstance(answer, Refused | Failed):
            raise error_of(answer)
        if not isinstance(answer, Done):
            self.close()
            raise WorkerError(f"the worker process answered {type(answer).__name__}")
        return answer.result

    def stop(self) -> None:
        """Let it end by itself, or end it."""
        self._connection.close()
        try:
            self._process.wait(_LAST_SECONDS)
        except subprocess.TimeoutExpired:
            self.close()

    def close(self) -> None:
        """End it now."""
        self._connection.close()
        self._process.kill()
        self._process.wait()
