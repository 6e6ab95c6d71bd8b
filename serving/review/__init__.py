"""The review queue (复核): who looks at which complaint, and what follows from what they say."""
