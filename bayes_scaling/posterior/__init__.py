"""The joint posterior: its fit, its checks, what it predicts, and how it is kept."""
