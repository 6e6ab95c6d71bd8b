"""From reviewed labels to a model that may serve, step by step."""
