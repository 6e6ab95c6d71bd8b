"""What a classifier is, and the classifiers. Imports `data` only."""
