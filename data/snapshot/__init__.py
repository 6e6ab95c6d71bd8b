"""Reviewed labels as immutable, content-addressed training sets."""
