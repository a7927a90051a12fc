"""Questions to a posterior: frontiers and their inverses, comparisons, context length."""
