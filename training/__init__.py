"""How a classifier is made."""
