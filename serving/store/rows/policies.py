"""Policy packs that were uploaded, and which one holds."""

from __future__ import annotations
