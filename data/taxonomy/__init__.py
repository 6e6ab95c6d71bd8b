"""Heads as data: which questions a model answers about a text, and with which labels."""
