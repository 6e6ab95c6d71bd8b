"""People who sign in, and their sessions."""

from __future__ import annotations
