"""The law alone by short chains: what a quick look at it finds must not be the look's own doing."""

from __future__ import annotations

from contextlib import suppress

from bayes_scaling.errors import BayesScalingError
from bayes_scaling.models.compiled_code import kept_compiled
from bayes_scaling.models.design import build_design
from bayes_scaling.models.draws import TARGET_ACCEPTANCE, Sampling
from bayes_scaling.models.misfit_precisions import settle
from bayes_scaling.models.refit import accept, engine_of
from bayes_scaling.models.rounds import Silence, sample_in_rounds
from bayes_scaling.posterior.law_alone import SAMPLED, SEED, is_sampled, keep, spec_alone
from bayes_scaling.posterior.moved_optimum import APART, moved_optimum
from bayes_scaling.posterior.posterior import Posterior
from bayes_scaling.posterior.verdict import forget

SHORT = Sampling(draws=150, tune=200, chains=4, seed=SEED, max_draws=150)


def sample_law_alone(fit: Posterior) -> None:
    """Sample the law alone and keep the draws with the fit; its checks are made anew where they hang on it.

    Some seconds. Nothing happens where it is sampled already, and for a stack of models.

    Parameters
    ----------
    fit : Posterior

    Raises
    ------
    BayesScalingError
        The law alone has no mode.
    """
    spec = spec_alone(fit)
    if spec is None or is_sampled(fit):
        return
    with kept_compiled():
        design, whitening = settle(build_design(fit.runs, spec))
        engine = engine_of(design, "numpyro")
        target = TARGET_ACCEPTANCE[spec.pooling]
        found = sample_in_rounds(engine, whitening, design.size, SHORT, target, accept, Silence())
    keep(fit, found.raw, found.whitening, design, SAMPLED)
    forget(fit.idata)


def verify_moved_optimum(fit: Posterior) -> None:
    """Sample the law alone where its quick look says that the discrepancy moves the optimum.

    Where there is no law alone nothing is done: the check tells of it.
    """
    with suppress(BayesScalingError):
        found = moved_optimum(fit)
        if found is not None and found.gap > APART:
            sample_law_alone(fit)
