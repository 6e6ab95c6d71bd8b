"""Processes beside the listening one that run the model, each with an interpreter of its own."""
