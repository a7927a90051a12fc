"""Results printed whole, as the commands print them and as they show themselves."""

from __future__ import annotations

from bayes_scaling.decisions.lifetime.lifetime import Lifetime
from bayes_scaling.decisions.scenarios import Plan
from bayes_scaling.printing import planning, views
from bayes_scaling.questions.compare import Comparison
from bayes_scaling.questions.context_effect import ContextEffect
from bayes_scaling.questions.frontier import Frontier
from bayes_scaling.questions.targets import Target


def print_frontier(found: Frontier) -> None:
    """Compute-optimal choices."""
    views.print_frontier(found.table(full=True))


def print_target(found: Target) -> None:
    """Optimal runs for a wanted loss or size."""
    views.print_target(found.table(full=True))


def print_comparison(found: Comparison) -> None:
    """Which architecture wins."""
    views.print_comparison(found.table(full=True))


def print_context(found: ContextEffect) -> None:
    """How the optimum moves with the context length, and where the order changes."""
    views.print_context(found.table(full=True))
    views.print_order(found.order_table())


def print_plan(found: Plan) -> None:
    """What to train in each scenario."""
    planning.print_plan(found.table(full=True))


def print_lifetime(found: Lifetime) -> None:
    """The cheapest model over its life, and where the cheaper architecture changes."""
    planning.print_lifetime(found.table(full=True))
    planning.print_break_even(found.pairs())
