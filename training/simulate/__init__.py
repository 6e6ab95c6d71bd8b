"""Replay the learning loop on texts whose labels are known."""
