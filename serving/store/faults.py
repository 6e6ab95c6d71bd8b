"""What a database's failure means for the caller."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError

from data.errors import StoreDownError

# SQLSTATE class 40: the transaction was rolled back for another's sake and may be tried again.
_ROLLED_BACK = "40"


def translated(error: SQLAlchemyError) -> Exception:
    """StoreDownError where the database is gone, full, locked or too busy; else `error` itself."""
    gone = isinstance(error, DBAPIError) and error.connection_invalidated
    if gone or isinstance(error, (OperationalError, InterfaceError, exc.TimeoutError)):
        return StoreDownError("the database does not answer; nothing was stored")
    return error


def concerns_all(error: SQLAlchemyError) -> bool:
    """Whether every row of a transaction failed for the same reason, so that none can be saved."""
    if getattr(getattr(error, "orig", None), "sqlstate", None) is not None:
        state = str(error.orig.sqlstate)  # type: ignore[attr-defined]
        if state.startswith(_ROLLED_BACK):
            return False
    return isinstance(translated(error), StoreDownError)


@contextmanager
def answering() -> Iterator[None]:
    """Raise StoreDownError in the place of what the database raises when it is gone."""
    try:
        yield
    except SQLAlchemyError as error:
        raise translated(error) from error
