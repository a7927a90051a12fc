"""Operations of a JAX function, counted from what JAX traces: matrix products and some elementwise ones.

It knows nothing of the accounting's formulas: a product's FLOPs are two for each number of its result and
each number that is summed over.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

PRODUCTS = "dot_general"


def operations(function: Callable[..., Any], *arguments: Any, scopes: frozenset[str]) -> Counter:
    """FLOPs of products and numbers of elementwise results, by (scope, primitive).

    Parameters
    ----------
    function : callable
    *arguments
        Arrays, or their shapes.
    scopes : frozenset of str
        Names of jitted functions whose operations are told apart; all else is of the scope "".
    """
    import jax

    counts: Counter = Counter()
    _walk(jax.make_jaxpr(function)(*arguments).jaxpr, "", scopes, counts)
    return counts


def _walk(jaxpr: Any, scope: str, scopes: frozenset[str], counts: Counter) -> None:
    for equation in jaxpr.eqns:
        name = equation.primitive.name
        inner = equation.params.get("name", "")
        below = [value for value in equation.params.values() if hasattr(value, "jaxpr")]
        assert name not in ("scan", "while", "cond"), "a loop's turns are not known here"
        for part in below:
            _walk(part.jaxpr, inner if inner in scopes else scope, scopes, counts)
        if not below:
            counts[scope, name] += _size(equation)


def _size(equation: Any) -> int:
    numbers = math.prod(equation.outvars[0].aval.shape)
    if equation.primitive.name != PRODUCTS:
        return numbers
    summed = equation.params["dimension_numbers"][0][0]
    return 2 * numbers * math.prod(equation.invars[0].aval.shape[axis] for axis in summed)
