"""What to review and to label next, and why."""
