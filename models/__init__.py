"""The statistical models: specification, priors, log density, and their PyMC and NumPyro forms."""
