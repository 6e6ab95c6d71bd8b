"""Personal data in a text: found with its checks, and masked."""
