"""Work orders on their way to departments, and what departments answered."""

from __future__ import annotations
