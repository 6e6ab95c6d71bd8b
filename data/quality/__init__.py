"""Is this set of texts fit to learn from? Each module finds one kind of trouble."""
