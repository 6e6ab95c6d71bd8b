"""What happens to a case after its decision: events, clocks, and what follows from them."""
