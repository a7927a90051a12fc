"""`Fit`: a posterior that answers for itself, and how it is read back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import xarray as xr

import bayes_scaling as bs
from bayes_scaling.accounting import Cost
from bayes_scaling.faces.faced import Faced
from bayes_scaling.faces.shown import shown
from bayes_scaling.posterior import citing, prediction, storage
from bayes_scaling.posterior.checks import Checks, checks_of
from bayes_scaling.posterior.posterior import Posterior
from bayes_scaling.posterior.predictions import Predictions, predictions
from bayes_scaling.posterior.summary import summarise

if TYPE_CHECKING:
    from bayes_scaling.decisions.decide import Decision
    from bayes_scaling.decisions.lifetime.lifetime import Lifetime
    from bayes_scaling.decisions.next_runs.next_runs import Design
    from bayes_scaling.decisions.scenarios import Plan
    from bayes_scaling.decisions.winner_map import Map
    from bayes_scaling.questions.compare import Comparison
    from bayes_scaling.questions.compare_runs import RunComparison
    from bayes_scaling.questions.context_effect import ContextEffect
    from bayes_scaling.questions.frontier import Frontier
    from bayes_scaling.questions.targets import Target

SHORT = ("variable", "architecture", "context_length", "median", "q05", "q95", "ess_bulk", "r_hat")
FIGURES = {
    "residuals": "residuals.plot_residuals",
    "isoflop": "isoflop.plot_isoflop",
    "coefficients": "coefficients.plot_coefficients",
    "surface": "surface.plot_surface",
    "ratios": "ratios.plot_ratios",
    "optima": "fits.optima",
    "context": "fits.context",
    "frontier": "fits.frontier",
    "comparison": "fits.comparison",
    "map": "fits.win_map",
}


class Fit(Faced, Posterior, printer="fits.print_fit", figures=FIGURES):
    """A fitted model. Frozen and thin: the methods call the functions of their name.

    Attributes
    ----------
    idata : DataTree
        ArviZ groups prior, posterior, posterior_predictive, log_likelihood, log_prior,
        sample_stats, observed_data, constant_data; dims chain, draw, architecture,
        context_length, run. With a drift, the group drift holds its weights; with offsets, the
        group offsets their shifts of ln L.
    runs : Runs
    spec : ModelSpec
    given : mapping of str to float
        Values of covariates that questions are about; see `at`.

    Examples
    --------
    >>> fit.architectures, fit.context_lengths
    (('transformer', 'xlstm'), (2048, 8192, 16384))
    >>> dict(fit.posterior["E"].sizes)
    {'chain': 2, 'draw': 100, 'architecture': 2, 'context_length': 3}
    """

    def summary(self) -> pd.DataFrame:
        """Posterior table; see `bayes_scaling.posterior.summary.summarise`."""
        return summarise(self)

    def table(self, full: bool = False) -> pd.DataFrame:
        """The main columns of `summary`, displayed as people read them; all of them if ``full``."""
        return shown(self.summary(), SHORT, full)

    def checks(self, left_out: pd.DataFrame | None = None) -> Checks:
        """PASS, REVIEW or FAIL with advice; see `bayes_scaling.posterior.checks.run_checks`."""
        return checks_of(self, left_out)

    @property
    def status(self) -> str:
        """The worst status of the checks: PASS, REVIEW or FAIL."""
        return self.checks().status

    def predict(
        self, runs: Any, kind: str = "mean", seed: int = 0, extrapolate: bool = False
    ) -> xr.DataArray:
        """Draws of the loss of given runs; see `bayes_scaling.predict`."""
        return prediction.predict(self, runs, kind=kind, seed=seed, extrapolate=extrapolate)

    def predictions(self, runs: Any, kind: str = "mean", seed: int = 0, **options: Any) -> Predictions:
        """The loss of given runs, in a table; see `bayes_scaling.posterior.predictions.predictions`."""
        return predictions(self, runs, kind, seed, **options)

    def frontier(
        self,
        compute: Any,
        context_length: Any = None,
        architecture: Any = None,
        cost: str | Cost = "6ND",
        unique_tokens: float | None = None,
        extrapolate: bool = False,
    ) -> Frontier:
        """Compute-optimal params, tokens and loss; see `bayes_scaling.frontier`."""
        return bs.frontier(self, compute, context_length, architecture, cost, unique_tokens, extrapolate)

    def compare(
        self,
        compute: Any,
        context_length: Any = None,
        architecture: Any = None,
        cost: str | Cost = "6ND",
        unique_tokens: float | None = None,
        extrapolate: bool = False,
    ) -> Comparison:
        """Which architecture wins, and by how much; see `bayes_scaling.compare`."""
        return bs.compare(self, compute, context_length, architecture, cost, unique_tokens, extrapolate)

    def compare_runs(
        self, first: Any, second: Any, context_length: Any = None, architecture: Any = None, **options: Any
    ) -> RunComparison:
        """Whether two runs of one size differ by more than noise; see `bayes_scaling.compare_runs`."""
        return bs.compare_runs(self, first, second, context_length, architecture, **options)

    def compare_map(
        self, compute: Any = None, context_length: Any = None, architecture: Any = None, **options: Any
    ) -> Map:
        """Which architecture wins where; see `bayes_scaling.compare_map`."""
        return bs.compare_map(self, compute, context_length, architecture, **options)

    def decide(
        self, compute: Any, context_length: Any = None, architecture: Any = None, **options: Any
    ) -> Decision:
        """What to train with a budget; see `bayes_scaling.decide`."""
        return bs.decide(self, compute, context_length, architecture, **options)

    def design_runs(
        self, compute: float, context_length: int, architecture: Any = None, **options: Any
    ) -> Design:
        """The runs to make next; see `bayes_scaling.design_runs`."""
        return bs.design_runs(self, compute, context_length, architecture, **options)

    def plan(self, scenarios: Any, latency: Any = None) -> Plan:
        """What to train in each of some scenarios; see `bayes_scaling.plan`."""
        return bs.plan(self, scenarios, latency)

    def iso_loss(
        self, loss: Any, context_length: Any = None, architecture: Any = None, **options: Any
    ) -> Target:
        """The cheapest compute that reaches a loss; see `bayes_scaling.iso_loss`."""
        return bs.iso_loss(self, loss, context_length, architecture, **options)

    def optimal_for_params(
        self, params: Any, context_length: Any = None, architecture: Any = None, **options: Any
    ) -> Target:
        """The compute at which given params are optimal; see `bayes_scaling.optimal_for_params`."""
        return bs.optimal_for_params(self, params, context_length, architecture, **options)

    def context_effect(
        self, compute: Any, context_length: Any = None, architecture: Any = None, **options: Any
    ) -> ContextEffect:
        """How optima move with the context length; see `bayes_scaling.context_effect`."""
        return bs.context_effect(self, compute, context_length, architecture, **options)

    def lifetime(self, loss: float, served_tokens: Any, **options: Any) -> Lifetime:
        """The cheapest model to train and then to serve; see `bayes_scaling.lifetime`."""
        return bs.lifetime(self, loss, served_tokens, **options)

    def report(
        self, path: str | Path, compute: Any = None, context_length: Any = None, **options: Any
    ) -> Path:
        """Write one page about the fit; see `bayes_scaling.write_report`."""
        return bs.write_report(self, path, compute, context_length, **options)

    def save_figures(self, folder: str | Path, **options: Any) -> Any:
        """Draw the figures of a study into a folder; see `bayes_scaling.save_figures`."""
        return bs.save_figures(self, folder, **options)

    def save(self, path: str | Path) -> Path:
        """Write to NetCDF, atomically; see `bayes_scaling.load_fit`."""
        return storage.save(self, path)

    def cite(self) -> str:
        """BibTeX of what was used."""
        return citing.cite(self)


def load_fit(path: str | Path) -> Fit:
    """Read a fit that `save` wrote; all of it is in memory and the file is closed.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Fit

    Raises
    ------
    FitFileError
        The file is missing, broken, of another kind or of a newer format, lacks a part, or its
        content, spec or runs are not what was saved. The message names the file and the remedy.

    Warns
    -----
    FitFileWarning
        The file was saved by an earlier version, without a seal.

    See Also
    --------
    save

    Examples
    --------
    >>> path = fit.save("fit.nc")
    >>> bs.load_fit(path).runs.data_hash == fit.runs.data_hash
    True
    """
    found = storage.read_posterior(path)
    return Fit(found.idata, found.runs, found.spec, found.given)
