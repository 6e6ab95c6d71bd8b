"""All worker processes: which models they hold, who is free, and who has to be started anew."""

from __future__ import annotations

import itertools
import logging
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from data.text.normalise import NormalisedText
from model.classifier import Classifier, Prediction
from serving.pipeline import Asked, Outcome, Pipeline
from serving.workers.classifier import SharedClassifier
from serving.workers.link import Link
from serving.workers.messages import (
    Decide,
    Equip,
    Failed,
    Predict,
    Refused,
    WorkerDiedError,
    WorkerError,
    error_of,
)

log = logging.getLogger("suda.workers")

# A worker that keeps dying is started anew less and less often, in seconds.
_PAUSES = (0.0, 1.0, 5.0, 30.0)
_SETTLED = 60.0


class Pool:
    """`size` worker processes. Safe to share between threads.

    What no worker is free for is done in this process: the workers make it faster and keep a model
    that crashes away from it, but nothing waits for them. `seconds` is how long one text may take;
    several together have a quarter of that, or whoever waits for them would pass for stuck before
    each of them has had its own time.
    """

    def __init__(
        self,
        size: int,
        *,
        seconds: float = 20.0,
        start: Callable[[], Link] = Link,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.size = size
        self._seconds = seconds
        self._start = start
        self._clock = clock
        self._numbers = itertools.count()
        self._paths: dict[str, Path] = {}
        # What the workers decide by with each model.
        self._desks: dict[str, Equip] = {}
        self._lock = threading.Lock()
        self._changing = threading.Lock()
        self._closed = False
        self._seats = [_Seat() for _ in range(size)]

    def begin(self) -> None:
        """Start the processes; they are there once `share` has returned for the first time."""
        for seat in self._seats:
            seat.since = self._clock()
            try:
                seat.link = self._start()
            except OSError as error:
                log.error("a worker process could not be started: %s", error.strerror)

    def share(self, classifier: Classifier, path: Path, *, needed: bool = True) -> Classifier:
        """The same classifier, answered by the workers: each has loaded the bundle at `path`.

        Raises WorkerError where one of them cannot. Unless it is `needed`: then that worker is
        ended, this process answers in its place, and `tend` tries again with another.
        """
        if not self.size:
            return classifier
        model = f"{classifier.version}#{next(self._numbers)}"
        with self._changing:
            self._paths[model] = path.resolve()
            for link, error in self._everywhere(lambda link: link.load(model, path.resolve())):
                if needed:
                    self.forget(model)
                    raise error
                log.error("a worker process cannot load %s: %s", classifier.version, error)
                link.close()
        shared = SharedClassifier(classifier, model, self)
        weakref.finalize(shared, self.forget, model)
        return shared

    def equip(self, pipeline: Pipeline) -> None:
        """Have the workers decide by this pipeline from now on, instead of what they decided by
        with its model before.

        Where one cannot be equipped, and for a pipeline they are not equipped for, they lend the
        model alone and this process does the rest. Does nothing for a classifier they do not share.
        """
        classifier = pipeline.classifier
        if not isinstance(classifier, SharedClassifier):
            return
        with self._changing:
            old = self._desks.get(classifier.model)
            if old is not None and _serves(old, pipeline):
                return
            desk = Equip(
                f"{classifier.model}/{next(self._numbers)}",
                classifier.model,
                pipeline.policies,
                pipeline.taxonomy,
                pipeline.top_k,
            )
            self._desks[classifier.model] = desk

            def renew(link: Link) -> None:
                # While nobody talks to it: who asks by the old name must not find it forgotten.
                if old is not None:
                    link.forget(old.pipeline)
                link.equip(desk)

            for _, error in self._everywhere(renew):
                log.error("a worker process lends its model alone: %s", error)

    def forget(self, model: str) -> None:
        """Let all workers go of a model, and of what they decide by with it."""
        self._paths.pop(model, None)
        desk = self._desks.pop(model, None)
        if desk is not None:
            self._drop(desk.pipeline)
        self._drop(model)

    def _drop(self, name: str) -> None:
        for seat in self._seats:
            if seat.link is not None:
                seat.link.forget(name)

    def predict(self, model: str, text: NormalisedText, top_k: int) -> Prediction | None:
        """A worker's answer; None where none is free that holds the model.

        Where a worker dies, another is asked once: it may have died of something else. Raises
        WorkerError where that one dies too or is not to be had, where a worker fails on the text,
        and where it takes too long. This process does not try what may have ended another.
        """
        answer: Prediction | None = self._answer(model, Predict(model, text, top_k))
        return answer

    def decide(
        self, model: str, pipeline: Pipeline, asked: Sequence[Asked]
    ) -> list[Outcome | Exception] | None:
        """A worker's decisions; None where none is free that is equipped with `pipeline`.

        In the place of one that fails stands what `predict` would raise, or InputError for a text
        without any words. Where a worker fails on several together, each is asked for once more,
        alone: one of them may be to blame.
        """
        desk = self._desks.get(model)
        if desk is None or not _serves(desk, pipeline):
            return None
        name = desk.pipeline
        try:
            if len(asked) == 1:
                return _outcomes(self._answer(name, Decide(name, asked)))
            return _outcomes(self._ask(name, Decide(name, asked), 0.0, self._seconds / 4))
        except WorkerError as error:
            return [error] if len(asked) == 1 else [self._again(name, a, error) for a in asked]

    def _again(self, name: str, one: Asked, before: WorkerError) -> Outcome | Exception:
        try:
            found = _outcomes(self._ask(name, Decide(name, [one]), self._seconds, self._seconds))
        except WorkerError as error:
            return error
        return before if found is None else found[0]

    def _answer(self, name: str, question: Any) -> Any:
        try:
            return self._ask(name, question, 0.0, self._seconds)
        except WorkerDiedError:
            answer = self._ask(name, question, self._seconds, self._seconds)
            if answer is None:
                raise
            return answer

    def _ask(self, name: str, question: Any, patience: float, seconds: float) -> Any:
        """What a worker answers within `seconds`; None where none is free within `patience`."""
        link = self._free(name, patience)
        if link is None:
            return None
        try:
            return link.ask(question, seconds)
        finally:
            link.lock.release()

    def healthy(self) -> int:
        """How many processes run."""
        return sum(seat.link is not None and seat.link.alive for seat in self._seats)

    def tend(self) -> int:
        """Start anew those that died, in a thread of its own; returns how many."""
        begun = 0
        now = self._clock()
        with self._lock:
            if self._closed:
                return 0
            for seat in self._seats:
                if seat.lost(now):
                    seat.starting = True
                    threading.Thread(target=self._renew, args=(seat,), daemon=True).start()
                    begun += 1
        return begun

    def close(self) -> None:
        """End all processes."""
        with self._lock:
            self._closed = True
        for seat in self._seats:
            if seat.link is not None:
                seat.link.stop()

    def _everywhere(self, do: Callable[[Link], None]) -> list[tuple[Link, WorkerError]]:
        """All at the same time: each takes as long as loading does. Returns who could not."""
        failures: list[tuple[Link, WorkerError]] = []

        def held(link: Link) -> None:
            try:
                with link.lock:
                    do(link)
            except WorkerError as error:
                failures.append((link, error))

        links = [seat.link for seat in self._seats if seat.link is not None and seat.link.alive]
        threads = [threading.Thread(target=held, args=(link,), daemon=True) for link in links]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return failures

    def _free(self, name: str, patience: float) -> Link | None:
        """A worker that holds what is named, its lock held; waits so many seconds for each."""
        for seat in self._seats:
            link = seat.link
            if link and name in link.holds and link.lock.acquire(timeout=patience):
                # What it held before the lock was had may be forgotten by now.
                if link.alive and name in link.holds:
                    return link
                link.lock.release()
        return None

    def _renew(self, seat: _Seat) -> None:
        log.error("a worker process died; starting another")
        link = None
        try:
            link = self._start()
            with self._changing:
                with link.lock:
                    for model, path in list(self._paths.items()):
                        _load(link, model, path)
                    for desk in list(self._desks.values()):
                        link.equip(desk)
                seat.link = link
        except (WorkerError, OSError) as error:
            log.error("a worker process could not be started: %s", error)
            if link is not None:
                link.close()
        finally:
            seat.since = self._clock()
            seat.starting = False
        with self._lock:
            closed = self._closed
        if closed and link is not None:
            link.stop()


def _outcomes(answers: list[Outcome | Refused | Failed] | None) -> list[Outcome | Exception] | None:
    if answers is None:
        return None
    return [one if isinstance(one, Outcome) else error_of(one) for one in answers]


def _serves(desk: Equip, pipeline: Pipeline) -> bool:
    """Whether what they were equipped with is this pipeline's own, and not merely like it."""
    return (
        desk.policies is pipeline.policies
        and desk.taxonomy is pipeline.taxonomy
        and desk.top_k == pipeline.top_k
    )


def _load(link: Link, model: str, path: Path) -> None:
    """Raises WorkerError where the process died of it; a bundle that is gone is left out."""
    try:
        link.load(model, path)
    except WorkerError as error:
        if not link.alive:
            raise
        log.error("a worker process goes without %s: %s", model, error)


class _Seat:
    """The place of one process; `since` is when the present one was started."""

    def __init__(self) -> None:
        self.link: Link | None = None
        self.since = 0.0
        self.starting = False
        self._deaths = 0

    def lost(self, now: float) -> bool:
        """Whether its process is gone, and it is time for another."""
        if self.starting or (self.link is not None and self.link.alive):
            return False
        if now - self.since > _SETTLED:
            self._deaths = 0
        if now - self.since < _PAUSES[min(self._deaths, len(_PAUSES) - 1)]:
            return False
        self._deaths += 1
        return True
