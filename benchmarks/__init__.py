"""Measurements worth repeating; their results are kept in docs/results.md."""
