"""The scaling laws: pure functions of arrays, one implementation for NumPy, JAX and PyTensor.

Every function takes the array namespace ``xp`` (``numpy``, ``jax.numpy`` or ``pytensor.tensor``) first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from bayes_scaling.errors import BudgetError, SpecError

Array = Any


@dataclass(frozen=True)
class Coefficient:
    """One coefficient of a law as users see it.

    Attributes
    ----------
    name, unit, meaning : str
    lower, upper : float
        Open bounds.
    """

    name: str
    unit: str
    meaning: str
    lower: float = 0.0
    upper: float = float("inf")


E = Coefficient("E", "nats per token", "irreducible loss")
A = Coefficient("A", "nats^(1/gamma)", "scale of the params term at one parameter")
B = Coefficient("B", "nats^(1/gamma)", "scale of the tokens term at one token")
ALPHA = Coefficient("alpha", "1", "exponent of params inside the sum")
BETA = Coefficient("beta", "1", "exponent of tokens inside the sum")
GAMMA = Coefficient("gamma", "1", "exponent of the sum")


@dataclass(frozen=True)
class Law:
    """L(N, D) = E + (A N^-alpha + B D^-beta)^gamma, some coefficients free and some fixed.

    Attributes
    ----------
    name : str
    coefficients : tuple of Coefficient
        The free ones, in the order of all tables.
    fixed : mapping of str to float
        Coefficients held at a value: ``{"gamma": 1.0}`` is the Chinchilla law.
    formula, reference : str

    References
    ----------
    Hoffmann et al. 2022, equation 2 (gamma = 1); Busbridge et al. 2025, equation 6 (gamma free).
    """

    name: str
    coefficients: tuple[Coefficient, ...]
    formula: str
    reference: str
    fixed: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "fixed", MappingProxyType(dict(self.fixed)))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the free coefficients."""
        return tuple(c.name for c in self.coefficients)

    def complete(self, coefficients: Mapping[str, Array]) -> dict[str, Array]:
        """Free coefficients with the fixed ones added.

        Raises
        ------
        SpecError
            A free coefficient is missing.
        """
        missing = [name for name in self.names if name not in coefficients]
        if missing:
            raise SpecError(f"law {self.name!r} needs {', '.join(missing)}; give {', '.join(self.names)}")
        return {name: coefficients[name] for name in self.names} | dict(self.fixed)

    def loss(self, xp: Any, params: Array, tokens: Array, coefficients: Mapping[str, Array]) -> Array:
        """Loss in nats per token at raw params and tokens; all arguments broadcast."""
        theta = log_form(xp, self.complete(coefficients))
        return xp.exp(log_loss(xp, xp.log(params), xp.log(tokens), theta))

    def optimum(
        self, xp: Any, compute: Array, coefficients: Mapping[str, Array], k: float = 6.0
    ) -> tuple[Array, Array]:
        """Params and tokens that minimise the loss under compute = k * params * tokens.

        The optimum does not depend on gamma. Arguments broadcast.

        References
        ----------
        Hoffmann et al. 2022, equation 4.
        """
        theta = self.complete(coefficients)
        log_product = xp.log(compute) - xp.log(k)
        ratio = xp.log(theta["alpha"]) + xp.log(theta["A"]) - xp.log(theta["beta"]) - xp.log(theta["B"])
        log_params = (ratio + theta["beta"] * log_product) / (theta["alpha"] + theta["beta"])
        return xp.exp(log_params), xp.exp(log_product - log_params)


def log_form(xp: Any, coefficients: Mapping[str, Array]) -> dict[str, Array]:
    """User coefficients (E, A, B, alpha, beta, gamma) as the arguments of `log_loss`."""
    return {
        "log_E": xp.log(coefficients["E"]),
        "log_A": xp.log(coefficients["A"]),
        "log_B": xp.log(coefficients["B"]),
        "alpha": coefficients["alpha"],
        "beta": coefficients["beta"],
        "gamma": coefficients["gamma"],
    }


def log_loss(xp: Any, log_params: Array, log_tokens: Array, theta: Mapping[str, Array]) -> Array:
    """ln L, the law itself.

    ``log_params`` and ``log_tokens`` may be relative to reference sizes when ``log_A`` and ``log_B``
    are relative to the same ones. Everything broadcasts.
    """
    inner = xp.logaddexp(
        theta["log_A"] - theta["alpha"] * log_params, theta["log_B"] - theta["beta"] * log_tokens
    )
    return xp.logaddexp(theta["log_E"], theta["gamma"] * inner)


CHINCHILLA = Law(
    "chinchilla",
    (E, A, B, ALPHA, BETA),
    "L = E + A N^-alpha + B D^-beta",
    "Hoffmann et al. 2022, arXiv:2203.15556",
    {"gamma": 1.0},
)
GAMMA_LAW = Law(
    "gamma",
    (E, A, B, ALPHA, BETA, GAMMA),
    "L = E + (A N^-alpha + B D^-beta)^gamma",
    "Busbridge et al. 2025, arXiv:2502.08606",
)
LAWS: Mapping[str, Law] = MappingProxyType({law.name: law for law in (CHINCHILLA, GAMMA_LAW)})


def get_law(name: str | Law) -> Law:
    """The law of that name.

    Raises
    ------
    SpecError
        No such law.
    """
    if isinstance(name, Law):
        return name
    if name not in LAWS:
        raise SpecError(f"unknown law {name!r}; choose one of {', '.join(LAWS)}")
    return LAWS[name]


def check_budget(compute: Array) -> None:
    """Refuse training budgets (FLOPs) that are not numbers, finite and within 1 to 1e40.

    Raises
    ------
    BudgetError
        Naming the first bad value.
    """
    import numpy as np

    remedy = "give training FLOPs between 1 and 1e40, such as 1e21"
    try:
        values = np.atleast_1d(np.asarray(compute, dtype=float)).ravel()
    except (TypeError, ValueError):
        raise BudgetError(f"compute budget {compute!r}: {remedy}") from None
    bad = values[~(np.isfinite(values) & (values >= 1) & (values <= 1e40))]
    if values.size == 0 or bad.size:
        shown = bad[0] if bad.size else "none"
        raise BudgetError(f"compute budget {shown}: {remedy}")
