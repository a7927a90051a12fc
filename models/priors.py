"""The default priors: each with its value, unit and reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Prior:
    """A normal prior on the log (or logit) of a coefficient, and how far groups may differ in it.

    Attributes
    ----------
    name, unit, reason : str
    median : float
        It is in the coefficient's own unit.
    scale : float
        The coefficient's log has this standard deviation (its logit for ``share``).
    group_scale : float
        The standard deviation between architectures, on the same log or logit scale, has a log-normal prior
        with this median; the one with context length, per factor of 4, has `hierarchy.ALONG_CONTEXT` of it.
    transform : {"log", "logit", "identity"}
    """

    name: str
    median: float
    scale: float
    group_scale: float
    unit: str
    reason: str
    transform: str = "log"


# How fast the exponents of each walk turn away from the law's; see `bayes_scaling.laws.drift`.
_WALKS = (
    (
        "params_term",
        0.05,
        0.6,
        "The exponent of the params term turns by 0.08 over a factor of 10 in params, a fifth of what it is; "
        "90% between 0.37 and 2.7 times that.",
    ),
    (
        "tokens_term",
        0.05,
        0.6,
        "The same for the tokens term: its exponent turns by 0.08 over a factor of 10 in tokens; 90% between "
        "0.37 and 2.7 times that.",
    ),
    (
        "ratio",
        0.008,
        0.8,
        "The exponent of the loss itself turns by 0.012 over a factor of 10 along tokens per param, at one "
        "compute: few laws hold for runs of very few tokens per param and of very many; 90% between 0.27 and "
        "3.7 times that.",
    ),
    (
        "compute",
        0.005,
        0.8,
        "Two thirds of that along compute, where a bend of the loss and its floor E are hard to tell apart; "
        "90% between 0.27 and 3.7 times that.",
    ),
    (
        "context",
        0.004,
        1.0,
        "How the walk along compute differs for each factor of 4 in context length: long contexts pay off "
        "with compute only; 90% between 0.19 and 5.2 times that.",
    ),
)

DEFAULT_PRIORS: tuple[Prior, ...] = (
    Prior(
        "E",
        1.7,
        0.35,
        0.05,
        "nats per token",
        "Entropy of web text with sub-word tokens: Hoffmann et al. 2022 1.69, Besiroglu et al. 2024 1.82; "
        "90% between 0.96 and 3.0. Other units (bytes, other text) need their own.",
    ),
    Prior(
        "R",
        1.3,
        0.7,
        0.08,
        "nats per token",
        "Reducible loss at the geometric mean of the runs: trained language models reach 2 to 5 nats; "
        "90% between 0.4 and 4.1.",
    ),
    Prior(
        "share",
        0.5,
        1.0,
        0.2,
        "1",
        "Share of the params term in the reducible loss there: sweeps are laid round the optimum, "
        "where the two terms are of one size; 90% between 0.16 and 0.84.",
        "logit",
    ),
    Prior(
        "slope_params",
        0.35,
        0.4,
        0.08,
        "1",
        "Exponent gamma * alpha of the reducible loss in params: published fits 0.25 to 0.5; "
        "90% between 0.18 and 0.68.",
    ),
    Prior(
        "slope_tokens",
        0.35,
        0.4,
        0.08,
        "1",
        "Exponent gamma * beta of the reducible loss in tokens: published fits 0.25 to 0.5; "
        "90% between 0.18 and 0.68.",
    ),
    Prior(
        "gamma",
        0.75,
        0.4,
        0.07,
        "1",
        "Between Chinchilla's 1 and published free fits of 0.5 to 0.7; 90% between 0.39 and 1.45.",
    ),
    Prior(
        "sigma",
        0.004,
        0.8,
        0.3,
        "1 (relative to the loss)",
        "Scatter of repeated runs about a smooth law: 0.1% to 1.5% in published sweeps.",
    ),
    Prior(
        "nu",
        5.0,
        0.8,
        0.0,
        "degrees of freedom above 2",
        "Tails of the Student-t residuals: outliers are common; above 2 so that the variance exists.",
    ),
    *(
        Prior(f"drift_{walk}", median, scale, 0.0, "1 per root e-fold", reason)
        for walk, median, scale, reason in _WALKS
    ),
    Prior(
        "eta",
        0.0,
        0.05,
        0.02,
        "1",
        "Change of ln beta with ln params: either sign is as likely; over a factor of 1,000 in params the "
        "exponent of tokens changes by a factor between 0.57 and 1.76 (90%).",
        "identity",
    ),
    Prior(
        "repeat_tokens",
        15.0,
        0.7,
        0.3,
        "epochs",
        "Repetitions after which a token is worth 1/e of a new one: Muennighoff et al. 2023 found 15.4 for "
        "one corpus and family; 90% between 4.7 and 47.",
    ),
    Prior(
        "repeat_params",
        5.0,
        0.7,
        0.3,
        "1",
        "The same for params beyond those that suit the unique tokens: Muennighoff et al. 2023 found 5.3; "
        "90% between 1.6 and 16.",
    ),
    Prior(
        "overfit",
        0.05,
        1.5,
        0.5,
        "nats per token",
        "What repetition adds to the loss at most, at 20 unique tokens a param: a fit of the 229 public "
        "runs of Muennighoff et al. 2023 gives 0.065; strong weight decay takes 70% of such a term "
        "(Lovelace et al. 2026); "
        "90% between 0.004 and 0.6.",
    ),
    Prior(
        "overfit_params",
        0.8,
        0.5,
        0.2,
        "1",
        "Exponent of params per unique token in it: 0.8 in that fit; 90% between 0.35 and 1.8.",
    ),
    Prior(
        "overfit_epochs",
        100.0,
        1.2,
        0.4,
        "epochs",
        "Repetitions after which 63% of it has come: 105 in that fit; 90% between 14 and 720.",
    ),
    Prior(
        "expert_worth",
        0.35,
        0.8,
        0.2,
        "1",
        "Exponent of total over active params in the effective params: 0 where idle experts are worth "
        "nothing, 1 where all params are alike; a usual rule takes the geometric mean of both counts, 0.5, "
        "and it is less for larger models (Clark et al. 2022); 90% between 0.13 and 0.67.",
        "logit",
    ),
    Prior(
        "stream_worth",
        0.35,
        0.6,
        0.2,
        "1",
        "Effective params gained for each e-fold of parallel streams: Chen et al. 2025 found 0.33 to 0.39 on "
        "two corpora; 90% between 0.13 and 0.94.",
    ),
    Prior(
        "skew",
        2.0,
        0.8,
        0.3,
        "1",
        "Scatter above the law over scatter below: runs are undertuned more often than lucky; 90% between "
        "0.54 and 7.5.",
    ),
)

# Where a law gives a coefficient another meaning.
LAW_PRIORS: Mapping[str, tuple[Prior, ...]] = MappingProxyType(
    {
        "kaplan": (
            Prior(
                "R",
                3.0,
                0.4,
                0.08,
                "nats per token",
                "The whole loss at the geometric mean of the runs, as nothing is irreducible: trained "
                "language models reach 2 to 5 nats.",
            ),
            Prior(
                "slope_params",
                0.09,
                0.5,
                0.12,
                "1",
                "alpha_N, the exponent of the whole loss in params: Kaplan et al. 2020 0.076, smaller than "
                "exponents of the reducible loss; 90% between 0.04 and 0.2.",
            ),
            Prior(
                "slope_tokens",
                0.1,
                0.5,
                0.12,
                "1",
                "alpha_D, the exponent of the whole loss in tokens: Kaplan et al. 2020 0.095 to 0.103; "
                "90% between 0.044 and 0.23.",
            ),
        )
    }
)
