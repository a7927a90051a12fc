"""One run of the sweep: its text, its model, its training."""
