"""The runs to make next."""
