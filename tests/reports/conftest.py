"""The boards' filled stores serve reports as well."""

from __future__ import annotations

from tests.boards.conftest import engine, view

__all__ = ["engine", "view"]
