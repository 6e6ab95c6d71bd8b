"""Processes beside the listening one that decide, each with an interpreter of its own."""
