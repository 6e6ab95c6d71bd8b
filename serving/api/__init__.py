"""The HTTP interface: it knows of requests and problems, not of models."""
