"""The evaluation report as one HTML file."""
