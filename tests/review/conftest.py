"""An empty queue on either database."""

from __future__ import annotations

from tests.review.kit import kit

__all__ = ["kit"]
