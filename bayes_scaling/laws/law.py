"""The scaling laws: pure functions of arrays, one implementation for NumPy, JAX and PyTensor.

Every function takes the array namespace ``xp`` (``numpy``, ``jax.numpy`` or ``pytensor.tensor``) first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from bayes_scaling.errors import SpecError
from bayes_scaling.laws.coefficients import (
    ALPHA,
    BETA,
    ETA,
    EXPERT_WORTH,
    GAMMA,
    OVERFITTING,
    REPEAT_PARAMS,
    REPEAT_TOKENS,
    STREAM_WORTH,
    A,
    B,
    Coefficient,
    E,
)
from bayes_scaling.laws.covariates import EXPERTS, NEUTRAL_VALUE, STREAMS, Covariate, covariates_of, folded
from bayes_scaling.laws.effective_sizes import PIVOT_PARAMS, PIVOT_TOKENS, UNLIMITED, effective
from bayes_scaling.laws.family import check_family, require_columns
from bayes_scaling.laws.overfitting import NAMES as OVERFIT
from bayes_scaling.laws.overfitting import log_overfit, ratio_pivot

Array = Any
TINY = 1e-300  # stands for an E of 0 in logs


@dataclass(frozen=True)
class Law:
    """L(N, D) = E + (A N'^-alpha + B D'^-beta)^gamma + O, some coefficients free and some fixed.

    N' and D' are `bayes_scaling.laws.effective_sizes.effective` and `bayes_scaling.laws.covariates`, O is
    `bayes_scaling.laws.overfitting`; in a law without their coefficients N' and D' are N and D, and O is 0.

    Attributes
    ----------
    name : str
    coefficients : tuple of Coefficient
        The free ones, in the order of all tables.
    fixed : mapping of str to float
        Coefficients held at a value: ``{"gamma": 1.0}`` is the Chinchilla law.
    formula, reference : str
    columns : tuple of str
        Columns of the runs that it needs beside params and tokens.

    References
    ----------
    Hoffmann et al. 2022, equation 2 (gamma = 1); Busbridge et al. 2025, equation 6 (gamma free).

    Examples
    --------
    >>> import numpy as np
    >>> law = bs.laws.get_law("chinchilla")
    >>> law.names, dict(law.fixed)
    (('E', 'A', 'B', 'alpha', 'beta'), {'gamma': 1.0})
    >>> theta = {"E": 1.8, "A": 480.0, "B": 2085.0, "alpha": 0.35, "beta": 0.37}
    >>> params, tokens = law.optimum(np, 1e21, theta)
    >>> round(float(law.loss(np, params, tokens, theta)), 3)
    2.252
    """

    name: str
    coefficients: tuple[Coefficient, ...]
    formula: str
    reference: str
    fixed: Mapping[str, float] = field(default_factory=dict)
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "fixed", MappingProxyType(dict(self.fixed)))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the free coefficients."""
        return tuple(c.name for c in self.coefficients)

    @property
    def repeats(self) -> bool:
        """Whether the number of unique tokens matters."""
        return "repeat_tokens" in self.names

    @property
    def covariates(self) -> tuple[Covariate, ...]:
        """The covariates whose worth it knows."""
        return covariates_of(self.names)

    def of_runs(self, columns: Any, optional: bool = False) -> dict[str, np.ndarray]:
        """What the law reads of runs beside params and tokens, each (run,), as `loss` takes it.

        Parameters
        ----------
        columns : DataFrame or mapping of str to array
            The runs, such as `Runs.frame`.
        optional : bool
            Leave out what the runs lack, rather than refuse them.

        Raises
        ------
        SpecError
            The runs lack a column that the law needs.
        """
        if not optional:
            require_columns(self.name, self.columns, columns)
        found = {one.name: one.of_runs(columns) for one in self.covariates if one.column in columns}
        if self.repeats and "unique_tokens" in columns:
            found["unique_tokens"] = np.asarray(columns["unique_tokens"], dtype=float)
        return found

    def complete(self, coefficients: Mapping[str, Array]) -> dict[str, Array]:
        """Free coefficients with the fixed ones, and what the law reads of runs.

        ``unique_tokens``, if they matter, are unlimited by default, and covariates neutral.

        Raises
        ------
        SpecError
            A free coefficient is missing.
        """
        missing = [name for name in self.names if name not in coefficients]
        if missing:
            raise SpecError(f"law {self.name!r} needs {', '.join(missing)}; give {', '.join(self.names)}")
        full = {name: coefficients[name] for name in self.names} | dict(self.fixed)
        if self.repeats:
            full["unique_tokens"] = coefficients.get("unique_tokens", UNLIMITED)
        return full | {one.name: coefficients.get(one.name, NEUTRAL_VALUE) for one in self.covariates}

    def loss(self, xp: Any, params: Array, tokens: Array, coefficients: Mapping[str, Array]) -> Array:
        """Loss in nats per token at raw params and tokens; all arguments broadcast.

        ``coefficients`` may hold ``unique_tokens`` and the values of covariates.
        """
        theta = log_form(xp, self.complete(coefficients))
        return xp.exp(log_loss(xp, xp.log(params), xp.log(tokens), theta))

    def optimum(
        self, xp: Any, compute: Array, coefficients: Mapping[str, Array], k: float = 6.0
    ) -> tuple[Array, Array]:
        """Params and tokens that minimise the loss under compute = k * params * tokens.

        The optimum does not depend on gamma. Tokens do not repeat. Arguments broadcast.

        Raises
        ------
        SpecError
            A law whose exponents change with params has no closed form.

        References
        ----------
        Hoffmann et al. 2022, equation 4.
        """
        if "eta" in self.names:
            raise SpecError(
                f"law {self.name!r} has no closed form of the optimum: use bayes_scaling.laws.optimum"
            )
        theta = log_form(xp, self.complete(coefficients))
        log_product = xp.log(compute) - xp.log(k)
        ratio = xp.log(theta["alpha"]) + theta["log_A"] - xp.log(theta["beta"]) - theta["log_B"]
        log_params = (ratio + theta["beta"] * log_product) / (theta["alpha"] + theta["beta"])
        return xp.exp(log_params), xp.exp(log_product - log_params)


def log_form(xp: Any, coefficients: Mapping[str, Array]) -> dict[str, Array]:
    """User coefficients (E, A, B, alpha, beta, gamma and others) as the arguments of `log_loss`."""
    theta = {
        "log_E": xp.log(xp.maximum(coefficients["E"], TINY)),
        "log_A": xp.log(coefficients["A"]),
        "log_B": xp.log(coefficients["B"]),
        "alpha": coefficients["alpha"],
        "beta": coefficients["beta"],
        "gamma": coefficients["gamma"],
    }
    if "eta" in coefficients:
        theta |= {"eta": coefficients["eta"]} | pivots(xp, 1.0, 1.0)
    if "unique_tokens" in coefficients:
        theta |= {name: coefficients[name] for name in ("repeat_tokens", "repeat_params")}
        theta["log_unique"] = xp.log(coefficients["unique_tokens"])
    if "unique_tokens" in coefficients and "overfit" in coefficients:
        theta |= {name: coefficients[name] for name in OVERFIT} | {"pivot_ratio": ratio_pivot(xp, 1.0, 1.0)}
    for one in covariates_of(coefficients):
        theta |= {one.coefficient: coefficients[one.coefficient]}
        theta |= {one.name: coefficients.get(one.name, NEUTRAL_VALUE)}
    return folded(xp, theta)


def pivots(xp: Any, params: float, tokens: float) -> dict[str, Array]:
    """The pivots of ``eta`` in logs relative to reference sizes."""
    return {"pivot_params": xp.log(PIVOT_PARAMS / params), "pivot_tokens": xp.log(PIVOT_TOKENS / tokens)}


def log_loss(xp: Any, log_params: Array, log_tokens: Array, theta: Mapping[str, Array]) -> Array:
    """ln L, the law itself.

    ``log_params`` and ``log_tokens`` may be relative to reference sizes when ``log_A`` and ``log_B``
    (and pivots and unique tokens) are relative to the same ones. ``params_walk`` and ``tokens_walk``, where
    given, are added to the logs of the two terms, each by its share in their sum; see
    `bayes_scaling.laws.drift`. Everything broadcasts.
    """
    reducible, _ = _log_reducible(xp, log_params, log_tokens, theta)
    return _log_total(xp, reducible, log_params, log_tokens, theta)


def walk_gains(
    xp: Any, log_params: Array, log_tokens: Array, theta: Mapping[str, Array]
) -> tuple[Array, Array]:
    """d ln L over d of either walk; arguments as for `log_loss`."""
    reducible, share = _log_reducible(xp, log_params, log_tokens, theta)
    total = _log_total(xp, reducible, log_params, log_tokens, theta)
    part = theta["gamma"] * xp.exp(reducible - total)
    return part * share, part * (1 - share)


def _log_reducible(
    xp: Any, log_params: Array, log_tokens: Array, theta: Mapping[str, Array]
) -> tuple[Array, Array]:
    """ln of the reducible loss, and the share of the params term in the sum."""
    n, d = effective(xp, log_params, log_tokens, theta)
    of_params = theta["log_A"] - theta["alpha"] * n
    inner = log_sum(xp, of_params, theta["log_B"] - theta["beta"] * d)
    share = xp.exp(of_params - inner)
    if "params_walk" in theta:
        inner = inner + share * theta["params_walk"] + (1 - share) * theta["tokens_walk"]
    return theta["gamma"] * inner, share


def _log_total(
    xp: Any, reducible: Array, log_params: Array, log_tokens: Array, theta: Mapping[str, Array]
) -> Array:
    """ln L from the ln of its reducible part: with E, and with the term of overfitting where there is one."""
    log_law = log_sum(xp, theta["log_E"], reducible)
    if "overfit" not in theta:
        return log_law
    return log_sum(xp, log_law, log_overfit(xp, log_params, log_tokens, theta))


def log_sum(xp: Any, a: Array, b: Array) -> Array:
    """ln(e^a + e^b) of finite numbers: `logaddexp`, several times faster with its gradient."""
    return xp.maximum(a, b) + xp.log1p(xp.exp(-xp.abs(a - b)))


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
KAPLAN = Law(
    "kaplan",
    (A, B, ALPHA, GAMMA),
    "L = (A N^-alpha + B / D)^gamma",
    "Kaplan et al. 2020, arXiv:2001.08361, equation 1.5: alpha_D is gamma, alpha_N alpha gamma",
    {"E": 0.0, "beta": 1.0},
)
VARYING = Law(
    "varying-exponent",
    (E, A, B, ALPHA, BETA, ETA),
    "L = E + A N^-alpha + B D^-beta, beta times (N / 1e9)^eta round D = 2e10",
    "After Li et al. 2025, arXiv:2506.10972: there B has an exponent too, and beta another form",
    {"gamma": 1.0},
)
DATA_LIMITED = Law(
    "data-limited",
    (E, A, B, ALPHA, BETA, REPEAT_TOKENS, REPEAT_PARAMS),
    "L = E + A N'^-alpha + B D'^-beta, N' and D' fading beyond the unique tokens",
    "Muennighoff et al. 2023, arXiv:2305.16264",
    {"gamma": 1.0},
    ("unique_tokens",),
)
OVERFITTING_LAW = Law(
    "overfitting",
    (*DATA_LIMITED.coefficients, *OVERFITTING),
    "L = E + A N'^-alpha + B D'^-beta + O, O = overfit (20 N / U)^overfit_params (1 - exp(-repeats / R))",
    "Muennighoff et al. 2023, with an additive term after Lovelace et al. 2026, arXiv:2605.01640",
    {"gamma": 1.0},
    ("unique_tokens",),
)
MIXTURE_OF_EXPERTS = Law(
    "mixture-of-experts",
    (*GAMMA_LAW.coefficients, EXPERT_WORTH),
    "L = E + (A N'^-alpha + B D^-beta)^gamma, N' = N (N_total / N)^expert_worth, N the active params",
    "After Clark et al. 2022, arXiv:2202.01169, whose exponent changes with N and the number of experts",
    columns=(EXPERTS.column,),
)
PARALLEL = Law(
    "parallel",
    (*GAMMA_LAW.coefficients, STREAM_WORTH),
    "L = E + (A N'^-alpha + B D^-beta)^gamma, N' = N (1 + stream_worth ln P), P parallel streams",
    "Chen et al. 2025, arXiv:2505.10475",
    columns=(STREAMS.column,),
)
MIXTURE = Law(
    "mixture",
    (
        *(E, A, B, ALPHA, BETA, GAMMA, ETA, REPEAT_TOKENS, REPEAT_PARAMS, *OVERFITTING),
        *(EXPERT_WORTH, STREAM_WORTH),
    ),
    "all of these: the draws of a stack are each of one law",
    "Yao et al. 2018, arXiv:1704.02030",
)
_KNOWN = {
    law.name: law
    for law in (
        *(CHINCHILLA, GAMMA_LAW, KAPLAN, VARYING, DATA_LIMITED, OVERFITTING_LAW),
        *(MIXTURE_OF_EXPERTS, PARALLEL, MIXTURE),
    )
}
_SHIPPED = frozenset(_KNOWN)
LAWS: Mapping[str, Law] = MappingProxyType(_KNOWN)


def fitted_laws() -> tuple[str, ...]:
    """Names of the laws that can be fitted: all but the one of stacks."""
    return tuple(name for name in LAWS if name != MIXTURE.name)


def register_law(law: Law, *, replace: bool = False) -> Law:
    """Make a law of this family known by its name, so that it can be fitted, saved and loaded.

    Parameters
    ----------
    law : Law
        A, B and alpha are free. E is free or fixed at 0; beta and gamma are free, or one of them is fixed.
        ``eta``, ``repeat_tokens`` with ``repeat_params``, and with these ``overfit``, ``overfit_params``
        and ``overfit_epochs`` may be free too; so may ``expert_worth`` and ``stream_worth``, each with its
        column.
    replace : bool
        Allow the name of a law that was registered before; the package's own stay.

    Raises
    ------
    SpecError
        A name that is taken, or a law outside the family.

    Examples
    --------
    >>> from bayes_scaling.laws.coefficients import A, ALPHA, B, BETA
    >>> from bayes_scaling.laws.law import forget_law
    >>> law = Law("no-floor", (A, B, ALPHA, BETA), "L = A N^-alpha + B D^-beta", "", {"E": 0.0, "gamma": 1.0})
    >>> register_law(law).names
    ('A', 'B', 'alpha', 'beta')
    >>> forget_law("no-floor")
    """
    if law.name in LAWS and not (replace and law.name not in _SHIPPED):
        raise SpecError(f"law {law.name!r} is already known: choose another name, or replace one of your own")
    check_family(law.name, law.names, law.fixed, law.columns, MIXTURE.names)
    _KNOWN[law.name] = law
    return law


def forget_law(name: str) -> None:
    """Take a registered law out again.

    Raises
    ------
    SpecError
        No such law, or one of the package's own.
    """
    if name in _SHIPPED or name not in LAWS:
        raise SpecError(f"law {name!r} was not registered; the package's own laws stay")
    del _KNOWN[name]


def get_law(name: str | Law) -> Law:
    """The law of that name.

    Raises
    ------
    SpecError
        No such law.

    Examples
    --------
    >>> get_law("chinchilla").formula
    'L = E + A N^-alpha + B D^-beta'
    """
    if isinstance(name, Law):
        return name
    if name not in LAWS:
        raise SpecError(f"unknown law {name!r}; choose one of {', '.join(LAWS)}, or register_law it first")
    return LAWS[name]
