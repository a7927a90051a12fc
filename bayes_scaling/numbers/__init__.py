"""Checks of numbers that users give."""
