"""Leaving runs out: how often intervals hold where the fit has not looked."""
