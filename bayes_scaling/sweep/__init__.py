"""A scaling sweep of our own: corpus, models, training, results, predictions and what came of them.

Planning and running need no JAX in the calling process; each training process imports it for itself.
"""
