"""Changes of models into the audit trail, late rather than never."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from data.pii.mask import mask
from serving.api.recording import record_model
from serving.pipeline import Pipeline
from serving.store import audit
from serving.telemetry.logs import trail

log = logging.getLogger("suda.models")

# Records kept while the database does not answer.
_OWED = 1000


class Record:
    """Writes audit records; what the database does not take now is kept, and written later.

    A rollback must not wait for a database that is down.
    """

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self._sessions = sessions
        self._owed: deque[Callable[[], None]] = deque(maxlen=_OWED)
        self._writing = threading.Lock()

    def add(self, actor: str, action: str, subject: str, details: Mapping[str, Any]) -> None:
        """Record what was done, or could not be, now. Reasons are masked: people write them."""
        at = datetime.now(UTC)
        said = {**details, **({"why": mask(details["why"]).text} if details.get("why") else {})}

        def write() -> None:
            with self._sessions.begin() as session:
                audit.record(session, actor, action, subject, said, now=at)

        self._owed.append(write)
        self.settle()

    def serves(self, pipeline: Pipeline) -> None:
        """Record what serves from now on."""
        self._owed.append(lambda: record_model(self._sessions, pipeline))
        self.settle()

    def settle(self) -> None:
        """Write what is owed, in its order."""
        with self._writing:
            while self._owed:
                try:
                    self._owed[0]()
                except SQLAlchemyError as error:
                    log.error("the audit trail has to wait: %s", trail(error))
                    return
                self._owed.popleft()
