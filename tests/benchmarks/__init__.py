"""The benchmarks in small: their accounting and their judgements, never their times."""
