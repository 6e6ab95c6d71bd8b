"""Which models there are, which one serves, and how that came about."""
