"""Everything that can be set, in one place. Read from `SUDA_*` variables when constructed."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from model.runtime import SHIPPED


class Settings(BaseSettings):
    """Settings of the service and of the commands that decide complaints."""

    model_config = SettingsConfigDict(env_prefix="SUDA_", extra="ignore")

    bundle: Path = SHIPPED
    """The model bundle that serves."""

    taxonomy: Path | None = None
    """The bundle's taxonomy with a bank's official codes laid over (`suda taxonomy import`)."""

    policy: Path | None = None
    """Directory of policy packs; unset takes the packs shipped for the bundle's taxonomy."""

    database_url: str = "sqlite:///var/suda.sqlite3"
    """SQLAlchemy URL of the store; SQLite files are made with their directory."""

    host: str = "127.0.0.1"
    """Address to listen on."""

    port: int = Field(default=8000, ge=0, le=65535)
    """Port to listen on."""

    max_text_chars: int = Field(default=20_000, ge=1)
    """Longest complaint accepted, in characters."""

    max_batch: int = Field(default=256, ge=1)
    """Most complaints in one batch call."""

    max_body_bytes: int = Field(default=32 * 1024 * 1024, ge=1024)
    """Largest request body read."""

    workers: int = Field(default=2, ge=1)
    """Threads that classify."""

    top_k: int = Field(default=3, ge=1, le=10)
    """Alternatives given per head."""
