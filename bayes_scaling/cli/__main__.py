"""``python -m bayes_scaling.cli``."""

from bayes_scaling.cli import main

main()
