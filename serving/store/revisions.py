"""Which schema a database has, and which this version of the code wants."""

from __future__ import annotations

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from serving.store.database import MIGRATIONS


def current(engine: Engine) -> str | None:
    """The database's revision; None where it holds nothing of ours."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def known() -> tuple[str, ...]:
    """All revisions of this version of the code, oldest first."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    walk = ScriptDirectory.from_config(config).walk_revisions()
    return tuple(script.revision for script in walk)[::-1]
