"""Which models answer, and how that is changed while they do."""
