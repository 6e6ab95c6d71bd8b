"""What the benchmarks share: services to start, loads to send, figures to draw from them."""
