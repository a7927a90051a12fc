"""The validated table of training runs."""
