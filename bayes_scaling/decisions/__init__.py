"""Decisions: what to train, what it may cost to be wrong, what to run next."""
