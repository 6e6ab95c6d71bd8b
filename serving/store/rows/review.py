"""Who looks at which complaint, and what they made of it."""

from __future__ import annotations
