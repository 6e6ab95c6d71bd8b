"""Text as the models see it, and the personal data in it."""
