"""Where complaints and decisions are kept."""
