"""Encoder and linear model as one: what each sees, the other misses."""
