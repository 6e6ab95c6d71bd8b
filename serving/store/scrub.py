"""Remove what erased rows leave behind in the database's files."""

from __future__ import annotations

from sqlalchemy import Engine

from serving.store.privacy import BLANKED


def scrub(engine: Engine) -> None:
    """Fold SQLite's log into its file, or have PostgreSQL reclaim the old row versions.

    Copies that the database does not know of (backups, archived logs) keep theirs until they are
    rotated out.
    """
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("SET statement_timeout = 0")
        for table in sorted(BLANKED):
            connection.exec_driver_sql(f"VACUUM {table}")
        connection.exec_driver_sql("RESET statement_timeout")
