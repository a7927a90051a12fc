"""What a model costs over its life."""
