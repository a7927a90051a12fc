"""The coefficients that laws may have, their neutral values, and the columns of runs that laws may read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bayes_scaling.laws.covariates import COVARIATES, EXPERTS, STREAMS
from bayes_scaling.laws.overfitting import NAMES as OVERFIT


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
ETA = Coefficient("eta", "1", "change of ln beta with ln params", lower=-float("inf"))
REPEAT_TOKENS = Coefficient("repeat_tokens", "epochs", "repetitions after which tokens are worth little more")
REPEAT_PARAMS = Coefficient(
    "repeat_params", "1", "excess params, over those that suit the unique tokens, alike"
)
OVERFITTING = (
    Coefficient(
        OVERFIT[0], "nats per token", "what repetition adds to the loss at most, at 20 unique tokens a param"
    ),
    Coefficient(OVERFIT[1], "1", "exponent of params per unique token in it"),
    Coefficient(OVERFIT[2], "epochs", "repetitions after which 63% of it has come"),
)
EXPERT_WORTH = Coefficient(
    EXPERTS.coefficient, "1", "exponent of total over active params in the effective params", upper=1.0
)
STREAM_WORTH = Coefficient(
    STREAMS.coefficient, "1", "effective params gained for each e-fold of parallel streams, over the params"
)
NEUTRAL: Mapping[str, float] = MappingProxyType(
    {"E": 0.0, "beta": 1.0, "gamma": 1.0, "eta": 0.0, "repeat_tokens": 1e30, "repeat_params": 1e30}
    | {"overfit": 0.0, "overfit_params": 0.0, "overfit_epochs": 1e30}
    | {covariate.coefficient: 0.0 for covariate in COVARIATES}
)
COLUMNS: Mapping[str, str] = MappingProxyType(
    {"unique_tokens": "how many different tokens each run could draw from (1e15 where it repeated none)"}
    | {covariate.column: covariate.meaning for covariate in COVARIATES}
)
