"""Boards: what happens now, what changed, and the complaints behind each number."""
