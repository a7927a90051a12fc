"""`fit`: from runs to a joint posterior."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.errors import ConvergenceWarning, SpecError
from bayes_scaling.laws.law import fitted_laws
from bayes_scaling.models.compiled_code import kept_compiled
from bayes_scaling.models.design import Design, build_design
from bayes_scaling.models.draws import TARGET_ACCEPTANCE, Sampling
from bayes_scaling.models.misfit_precisions import settle
from bayes_scaling.models.progress import sampling_progress
from bayes_scaling.models.refit import engine_of
from bayes_scaling.models.rounds import Gate, Progress, Sampled, sample_in_rounds
from bayes_scaling.models.spec import Backend, Discrepancy, Errors, ModelSpec, Pooling, Sampler
from bayes_scaling.models.unit_priors import in_unit
from bayes_scaling.models.whitening import Whitening
from bayes_scaling.posterior.checks import convergence_checks
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.posterior.gate import ConvergenceGate
from bayes_scaling.posterior.idata import assemble
from bayes_scaling.posterior.statuses import FAIL
from bayes_scaling.posterior.verdict import store
from bayes_scaling.runs.table import Runs
from bayes_scaling.runs.validation import require_fittable

BACKENDS = get_args(Backend)
SAMPLERS = get_args(Sampler)


def fit(
    runs: Any,
    spec: ModelSpec | None = None,
    *,
    law: str | None = None,
    pooling: Pooling | None = None,
    discrepancy: Discrepancy | None = None,
    offsets: Sequence[str] | None = None,
    priors: Mapping[str, Mapping[str, float]] | None = None,
    errors: Errors | None = None,
    backend: Backend = "numpyro",
    sampler: Sampler = "nutpie",
    draws: int = 1000,
    tune: int = 300,
    chains: int = 4,
    seed: int = 0,
    progress: bool | None = None,
    max_draws: int | None = None,
) -> Fit:
    """Fit a scaling law jointly to all groups and sample the posterior.

    Parameters
    ----------
    runs : Runs, path, DataFrame or catalogue name
        See `load_runs`.
    spec : ModelSpec, optional
        Or its parts: ``law`` (a name in `bayes_scaling.laws.LAWS`), ``pooling`` ("partial", "none",
        "complete"), ``discrepancy`` ("drift", "none"), ``offsets`` (columns of recipes or of the training
        that checkpoints come from), ``priors`` (changes by name), ``errors`` ("symmetric", "skewed"); see
        `ModelSpec`.
    backend : {"numpyro", "pymc"}
    sampler : {"nutpie", "pymc"}
        For the PyMC back end: nutpie, or PyMC's own (no compilation, slower draws).
    draws : int
        Draws that each chain keeps at least. More are drawn in rounds until the convergence gate holds.
    tune : int
        Transitions of each chain before those: two pilots, which turn the coordinates, and the step size.
    chains : int
    seed : int
        The same seed gives the same draws on one machine and back end.
    progress : bool, optional
        Default: where standard error is a terminal.
    max_draws : int, optional
        Draws of each chain after which rounds end even if the gate does not hold. Default: ten times
        ``draws``. ``idata.attrs["sampling"]`` tells what was kept.

    Returns
    -------
    Fit

    Raises
    ------
    RunsError
        Runs that cannot be read or fitted.
    SpecError
        An unknown law, pooling, prior, back end or sampler, or sizes that are not positive; a law whose
        columns the runs lack.

    Warns
    -----
    ConvergenceWarning
        The posterior did not pass the convergence gate.

    See Also
    --------
    load_fit, frontier, compare, predict

    Examples
    --------
    >>> posterior = bs.fit("simulated", progress=False)
    >>> posterior.law.name, len(posterior.runs)
    ('gamma', 300)
    """
    spec = _spec(
        spec,
        law=law,
        pooling=pooling,
        discrepancy=discrepancy,
        offsets=offsets,
        priors=priors,
        errors=errors,
    )
    sampling = sampling_of(backend, sampler, draws, tune, chains, seed, progress, max_draws)
    runs = runs if isinstance(runs, Runs) else load_runs(runs)
    require_fittable(runs)
    result = _fit(runs, completed(spec, runs), backend, sampler, sampling)
    _warn_unless_converged(result)
    return result


def completed(spec: ModelSpec, runs: Runs) -> ModelSpec:
    """The spec that `fit` fits to these runs: with the priors of their losses' unit."""
    return in_unit(spec, runs.loss_unit)


def _fit(runs: Runs, spec: ModelSpec, backend: str, sampler: str, sampling: Sampling) -> Fit:
    with kept_compiled(), sampling_progress(sampling.progress) as progress:
        design, whitening = settle(build_design(runs, spec))
        gate = ConvergenceGate(design, runs, sampling.seed)
        sampled = _sample(design, whitening, backend, sampler, sampling, gate, progress)
    tree = assemble(gate.posterior, sampled, design, runs, backend, sampling.seed)
    store(tree, gate.rows, "gate")
    return Fit(tree, runs, spec)


def _sample(
    design: Design,
    whitening: Whitening,
    backend: str,
    sampler: str,
    sampling: Sampling,
    gate: Gate,
    progress: Progress,
) -> Sampled:
    engine = engine_of(design, backend, sampler)
    target = TARGET_ACCEPTANCE[design.spec.pooling]
    return sample_in_rounds(engine, whitening, design.size, sampling, target, gate, progress)


def _spec(spec: ModelSpec | None, **parts: Any) -> ModelSpec:
    """The spec, or one made of its parts; both at once is an error."""
    given: dict[str, Any] = {name: value for name, value in parts.items() if value is not None}
    if spec is not None and given:
        raise SpecError(f"give spec or {', '.join(given)}, not both")
    found = spec or ModelSpec(**given)
    if found.law not in fitted_laws():
        raise SpecError(f"law {found.law!r} is that of stacks; fit one of {', '.join(fitted_laws())}")
    return found


def sampling_of(
    backend: str,
    sampler: str,
    draws: int,
    tune: int,
    chains: int,
    seed: int,
    progress: bool | None,
    max_draws: int | None = None,
) -> Sampling:
    """The settings of a sampler, checked.

    Raises
    ------
    SpecError
        An unknown back end or sampler, or a size that is not positive.
    """
    for what, value, known in (("backend", backend, BACKENDS), ("sampler", sampler, SAMPLERS)):
        if value not in known:
            raise SpecError(f"unknown {what} {value!r}; choose one of {', '.join(known)}")
    for what, count, least in (
        ("draws", draws, 4),
        ("tune", tune, 1),
        ("chains", chains, 1),
        ("seed", seed, 0),
        ("max_draws", draws if max_draws is None else max_draws, draws),
    ):
        if isinstance(count, bool) or not isinstance(count, int) or count < least:
            raise SpecError(f"{what} must be a whole number of at least {least}, not {count!r}")
    shown = sys.stderr.isatty() if progress is None else progress
    return Sampling(draws, tune, chains, seed, shown, max_draws)


def _warn_unless_converged(result: Fit) -> None:
    failed = [row for row in convergence_checks(result) if row.status == FAIL]
    if failed:
        text = "; ".join(
            f"{row.name} is {row.value:.4g}, needs {row.rule} {row.threshold:g}: {row.advice}"
            for row in failed
        )
        warnings.warn(f"the posterior failed the convergence gate. {text}", ConvergenceWarning, stacklevel=3)
