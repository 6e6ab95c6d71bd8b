"""How fast and how large: measured side by side, with equal threads."""
