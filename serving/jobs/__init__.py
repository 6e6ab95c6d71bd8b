"""Files of complaints, worked through in the background."""
