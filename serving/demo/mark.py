"""How a store is known to be a demo's."""

from __future__ import annotations

from sqlalchemy.orm import Session

from serving.store import audit

MARK = "demo"
"""Subject of the audit entry that says so: it cannot be taken away."""


def is_demo(session: Session) -> bool:
    """Whether the store was filled by a demo."""
    return audit.latest(session, MARK) is not None
