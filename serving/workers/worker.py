"""The worker process: loads bundles, answers one question after the other, ends with its parent.

`python -m serving.workers.worker FD`, FD being its end of a socket to the parent. It takes
`Load`, `Equip`, `Forget`, `Predict` and `Decide`, and answers all but `Forget` with `Done`,
`Refused` or `Failed`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from data.errors import InputError, SudaError
from data.text.normalise import normalise
from model.classifier import Classifier
from model.golden import texts_of
from model.runtime import load
from serving.engine.garbage import settle
from serving.pipeline import Pipeline
from serving.telemetry.logs import trail
from serving.workers.messages import Decide, Done, Equip, Failed, Forget, Load, Predict, Refused

log = logging.getLogger("suda.workers")

# Where the machine runs out of memory, a worker goes before the process that holds connections.
_EXPENDABLE = "500"
# Beyond it calls are refused no sooner (docs/results.md), and what else computes in the same
# container or session takes the more.
_NICE = 10
_WARM_UP_TEXTS = 4


class Bench:
    """The models and pipelines of one worker, by the names that the parent gave them."""

    def __init__(self, opened: Callable[[Path], Classifier] = load) -> None:
        self._opened = opened
        self._models: dict[str, Classifier] = {}
        self._pipelines: dict[str, Pipeline] = {}

    def handle(self, message: Any) -> Done | Refused | Failed | None:
        """Do what is asked for; whatever fails is answered, never raised."""
        try:
            if isinstance(message, Decide):
                made = self._pipelines[message.pipeline].made(message.asked)
                return Done(
                    [_told(message, one) if isinstance(one, Exception) else one for one in made]
                )
            if isinstance(message, Predict):
                model = self._models[message.model]
                return Done(model.predict(message.text, top_k=message.top_k))
            if isinstance(message, Load):
                return Done(self._load(message))
            if isinstance(message, Equip):
                return Done(self._equip(message))
        except Exception as error:  # noqa: BLE001 - answered
            return _told(message, error)
        if isinstance(message, Forget):
            self._models.pop(message.name, None)
            self._pipelines.pop(message.name, None)
        return None

    def _load(self, message: Load) -> str:
        model = self._opened(Path(message.path))
        for text in texts_of(model.taxonomy)[:_WARM_UP_TEXTS]:
            model.predict(normalise(text))
        self._models[message.model] = model
        settle()
        return model.version

    def _equip(self, message: Equip) -> str:
        self._pipelines[message.pipeline] = Pipeline(
            self._models[message.model], message.policies, message.taxonomy, message.top_k
        )
        settle()
        return message.pipeline


def _told(message: Any, error: Exception) -> Refused | Failed:
    if isinstance(error, InputError):
        return Refused(error.message, error.field)
    if isinstance(error, SudaError):
        return Failed(type(error).__name__, str(error))
    # Its words may quote the customer.
    log.error("%s failed: %s", type(message).__name__, trail(error))
    return Failed(type(error).__name__, "")


def serve(connection: Connection, bench: Bench) -> None:
    """Answer until the other end closes."""
    with contextlib.suppress(EOFError, OSError):
        while True:
            answer = bench.handle(connection.recv())
            if answer is not None:
                connection.send(answer)


def main(descriptor: int) -> None:
    """Until the parent closes the socket, or dies."""
    # A service manager signals all processes of a service, and the parent still has to drain.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Where the system forbids either, a worker works all the same.
    with contextlib.suppress(OSError):
        # Answering callers and saving decisions is short work that others wait for.
        os.nice(_NICE)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_EXPENDABLE)
    serve(Connection(descriptor), Bench())


if __name__ == "__main__":
    main(int(sys.argv[1]))
