"""Files of complaints, worked through in the background."""

from __future__ import annotations
