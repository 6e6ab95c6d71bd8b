"""SQLite's log goes into the file beside the commits."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import text

from serving.store.database import checkpoint, connect, migrate


def test_the_log_is_copied_while_another_connection_writes(tmp_path: Path) -> None:
    path = tmp_path / "suda.sqlite3"
    engine = connect(f"sqlite:///{path}")
    migrate(engine)
    checkpoint(engine)
    before = path.stat().st_size
    with engine.begin() as writer:
        writer.execute(text("CREATE TABLE filler (words TEXT)"))
        for _ in range(300):
            writer.execute(text("INSERT INTO filler VALUES (:words)"), {"words": "字" * 2000})
    assert path.stat().st_size == before
    with engine.connect() as writer:
        writer.execute(text("INSERT INTO filler VALUES ('not yet committed')"))
        checkpoint(engine)
        assert path.stat().st_size > before + 1_000_000
        writer.commit()
    with engine.connect() as reader:
        assert reader.execute(text("SELECT count(*) FROM filler")).scalar() == 301
    engine.dispose()


def test_elsewhere_there_is_nothing_to_copy(postgres_url: str) -> None:
    engine = connect(postgres_url)
    checkpoint(engine)
    engine.dispose()
