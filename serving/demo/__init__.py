"""A believable quarter of a bank that does not exist, to look at and to try things on."""
