"""Reports: statistics of a period, in every format out of one value."""
