"""How often intervals hold: runs left out, and truths simulated from the prior."""
