"""`Fit`: a posterior with the runs and the spec it came from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.errors import BudgetError
from bayes_scaling.laws.drift import Drift
from bayes_scaling.laws.law import Law
from bayes_scaling.models.design import build_design
from bayes_scaling.models.grid import fill_grid, on_grid, seen_draws
from bayes_scaling.models.spec import ModelSpec
from bayes_scaling.runs.table import Runs

if TYPE_CHECKING:
    from bayes_scaling.posterior.checks import Checks


@dataclass(frozen=True, eq=False)
class Fit:
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

    Examples
    --------
    >>> fit.architectures, fit.context_lengths
    (('transformer', 'xlstm'), (2048, 8192, 16384))
    >>> dict(fit.posterior["E"].sizes)
    {'chain': 2, 'draw': 100, 'architecture': 2, 'context_length': 3}
    """

    idata: xr.DataTree
    runs: Runs
    spec: ModelSpec

    @property
    def law(self) -> Law:
        """The law fitted."""
        return self.spec.law_value

    @property
    def backend(self) -> str:
        """The back end that sampled."""
        return str(json.loads(self.idata.attrs["backend"]))

    @property
    def posterior(self) -> xr.Dataset:
        """Posterior draws."""
        return self.idata["posterior"].to_dataset()

    @property
    def architectures(self) -> tuple[str, ...]:
        """Architectures fitted, sorted."""
        return tuple(str(a) for a in self.posterior["architecture"].to_numpy())

    @property
    def context_lengths(self) -> tuple[int, ...]:
        """Context lengths fitted, sorted."""
        return tuple(int(t) for t in self.posterior["context_length"].to_numpy())

    def summary(self) -> pd.DataFrame:
        """Posterior table; see `bayes_scaling.posterior.summary.summarise`."""
        from bayes_scaling.posterior.summary import summarise

        return summarise(self)

    def checks(self, left_out: pd.DataFrame | None = None) -> Checks:
        """PASS, REVIEW or FAIL with advice; see `bayes_scaling.posterior.checks.run_checks`."""
        from bayes_scaling.posterior.checks import checks_of

        return checks_of(self, left_out)

    @property
    def status(self) -> str:
        """The worst status of the checks: PASS, REVIEW or FAIL."""
        return self.checks().status

    def predict(self, runs: Any, kind: str = "mean", seed: int = 0) -> xr.DataArray:
        """Draws of the loss of given runs; see `bayes_scaling.predict`."""
        from bayes_scaling.posterior.prediction import predict

        return predict(self, runs, kind=kind, seed=seed)

    def save(self, path: str | Path) -> Path:
        """Write to NetCDF, atomically; see `bayes_scaling.load_fit`."""
        from bayes_scaling.posterior.storage import save

        return save(self, path)

    def cite(self) -> str:
        """BibTeX of what was used."""
        from bayes_scaling.posterior.citing import cite

        return cite(self)

    def __repr__(self) -> str:
        names = ", ".join(self.architectures)
        law = self.law.name + (" law with drift" if self.spec.discrepancy == "drift" else " law")
        size = self.posterior.sizes
        return (
            f"Fit({law}, {self.spec.pooling} pooling, {self.backend}; {len(self.runs)} runs of "
            f"{names}; {size['chain']} chains x {size['draw']} draws)"
        )


def coefficients(
    fit: Fit,
    architecture: Any = None,
    context_length: Any = None,
    allow_new: bool = False,
    seed: int = 0,
) -> xr.Dataset:
    """Posterior draws of the law's coefficients for any groups.

    Groups that have runs get their posterior; others, such as an unseen context length, are drawn
    from the hierarchy given those.

    Parameters
    ----------
    fit : Fit
    architecture : str or sequence of str, optional
        Default: all fitted.
    context_length : int or sequence of int, optional
        Tokens. Default: all fitted.
    allow_new : bool
        Accept architectures without runs: what the others say of a new one, wide.
    seed : int
        For groups not in the fit.

    Returns
    -------
    Dataset
        Variables of the law and of the scatter; dims chain, draw, architecture, context_length.

    Raises
    ------
    BudgetError
        Unknown architecture or none, or a context length that is not a positive whole number.

    Examples
    --------
    >>> theta = bs.coefficients(fit, "xlstm", 8192)
    >>> dict(theta["E"].sizes)
    {'chain': 2, 'draw': 100, 'architecture': 1, 'context_length': 1}
    >>> new = bs.coefficients(fit, "xlstm", 32768)  # a context without runs, drawn from the hierarchy
    >>> new["context_length"].to_numpy().tolist()
    [32768]
    """
    architectures = _architectures(fit, architecture, allow_new)
    contexts = _contexts(fit, context_length)
    posterior = fit.posterior[[*fit.law.names, *fit.spec.noise_names]]
    known = set(fit.architectures).issuperset(architectures) and set(fit.context_lengths).issuperset(contexts)
    if not known:
        posterior = _with_unseen(fit, posterior, architectures, contexts, seed)
    return posterior.sel(architecture=architectures, context_length=contexts)


def drift_of(fit: Fit, architecture: str, seed: int = 0) -> Drift | None:
    """Draws of the drift of one architecture, arrays (chain, draw, ...); None where the spec has none.

    An architecture without runs has the prior's.
    """
    if fit.spec.discrepancy == "none":
        return None
    weights = fit.idata["drift"].to_dataset()["weight"]
    if architecture in weights["architecture"].to_numpy():
        chosen = weights.sel(architecture=architecture)
    else:
        rng = np.random.default_rng([seed, 3, *architecture.encode()])
        known = weights.isel(architecture=0)
        drawn = known.copy(data=rng.standard_normal(known.shape))
        chosen = (fit.posterior["drift_scale"] * drawn).transpose(*known.dims)
    kept = chosen.sel({name: fit.posterior[name] for name in ("chain", "draw")})
    logs = [np.log(fit.runs.frame[name].to_numpy(dtype=float)).mean() for name in ("params", "tokens")]
    return Drift(kept.to_numpy(), (float(logs[0]), float(logs[1])))


def offset_of(fit: Fit, architecture: str, column: str, value: str) -> np.ndarray | None:
    """Draws (chain, draw) of the shift of ln L of runs with a value in an offset's column.

    None where the fit has seen no run of that architecture with it.
    """
    shift = fit.idata["offsets"].to_dataset()["shift"]
    level = f"{column}={value}"
    frame = fit.runs.frame
    if level not in shift["level"].to_numpy():
        return None
    same = frame["architecture"].astype(str) == architecture
    if not (frame.loc[same, column].astype(str) == value).any():
        return None
    kept = shift.sel({name: fit.posterior[name] for name in ("chain", "draw")})
    return kept.sel(architecture=architecture, level=level).transpose("chain", "draw").to_numpy()


def _architectures(fit: Fit, wanted: Any, allow_new: bool) -> list[str]:
    if wanted is None:
        return list(fit.architectures)
    names = [str(name) for name in np.atleast_1d(np.asarray(wanted, dtype=object))]
    unknown = [name for name in names if name not in fit.architectures]
    known = ", ".join(fit.architectures)
    if not names:
        raise BudgetError(f"no architecture given: this fit has {known}")
    if unknown and not allow_new:
        raise BudgetError(f"unknown architecture {unknown[0]!r}: this fit has {known}")
    return list(dict.fromkeys(names))


def _contexts(fit: Fit, wanted: Any) -> list[int]:
    if wanted is None:
        return list(fit.context_lengths)
    remedy = "give a positive whole number of tokens, such as 8192"
    try:
        values = np.atleast_1d(np.asarray(wanted, dtype=float)).ravel()
    except (TypeError, ValueError):
        raise BudgetError(f"context length {wanted!r}: {remedy}") from None
    bad = values[~(np.isfinite(values) & (values >= 1) & (values == np.round(values)) & (values < 2**53))]
    if bad.size or not values.size:
        shown = bad[0] if bad.size else "none"
        raise BudgetError(f"context length {shown}: {remedy}")
    return list(dict.fromkeys(int(v) for v in values))


def _with_unseen(
    fit: Fit, posterior: xr.Dataset, architectures: list[str], contexts: list[int], seed: int
) -> xr.Dataset:
    """The posterior on the union of the fitted grid and the wanted one."""
    design = build_design(fit.runs, fit.spec)
    names = sorted({*fit.architectures, *architectures})
    lengths = sorted({*fit.context_lengths, *contexts})
    natural, component = seen_draws(fit.posterior, design)
    user = fill_grid(natural, component, design, names, lengths, np.random.default_rng([seed, 1]))
    drawn = on_grid(user, names, lengths)
    same = {dim: posterior[dim] for dim in ("chain", "draw")}  # thinned draws keep their numbers
    return posterior.combine_first(drawn.assign_coords(same))
