"""Let a running service follow what the store says holds, in every process alike."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from sqlalchemy.orm import Session, sessionmaker

from data.errors import SudaError
from data.taxonomy.schema import Taxonomy
from serving.policies.active import Held, held
from serving.store.policies import holding
from serving.triage.policy import PolicySet

log = logging.getLogger("suda")


class Follower:
    """Applies an activation once it sees it. `apply` is given the policies, None for those the
    service was started with; what it raises as SudaError leaves everything as it was.
    """

    def __init__(
        self,
        sessions: sessionmaker[Session],
        taxonomy: Callable[[], Taxonomy],
        apply: Callable[[PolicySet | None], None],
    ) -> None:
        self._sessions = sessions
        self._taxonomy = taxonomy
        self._apply = apply
        self._lock = threading.Lock()
        self._number = 0
        self._held: str | None = None

    @property
    def pack_id(self) -> str | None:
        """Id of the pack that serves here; None: what the service was started with."""
        return self._held

    def follow(self) -> bool:
        """Look once; whether something new holds. Blocks on the database.

        A pack that does not fit is logged and tried again at the next activation only.
        """
        with self._lock:
            with self._sessions() as session:
                number, _ = holding(session)
                if number == self._number:
                    return False
                try:
                    found = held(session, self._taxonomy())
                except SudaError as error:
                    self._number = number
                    log.error("the activated policy pack does not fit: %s", error)
                    return False
            return self._applied(found)

    def _applied(self, found: Held) -> bool:
        self._number = found.number
        try:
            self._apply(found.policies)
        except SudaError as error:
            log.error("the activated policy pack could not be taken: %s", error)
            return False
        self._held = found.pack_id
        log.info("policy pack %s holds (activation %d)", found.pack_id or "default", found.number)
        return True
