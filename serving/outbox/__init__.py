"""Work orders to departments: written with the decision, signed, delivered at least once."""
