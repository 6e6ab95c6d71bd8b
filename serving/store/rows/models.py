"""What a shadow model would have answered otherwise."""

from __future__ import annotations
