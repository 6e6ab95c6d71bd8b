"""What the service tells of itself: figures, log lines, traces. Never a customer's words."""
