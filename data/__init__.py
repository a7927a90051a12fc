"""Data sets: the catalogue, reading files of runs, simulated runs."""
