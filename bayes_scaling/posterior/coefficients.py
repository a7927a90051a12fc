"""The coefficients, drifts and offsets of any groups, observed or not."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

import numpy as np
import xarray as xr

from bayes_scaling.errors import BudgetError
from bayes_scaling.laws.drift import in_context, knot_scales, origins
from bayes_scaling.laws.drift_draws import Drift
from bayes_scaling.models.design import build_design, observed_groups
from bayes_scaling.models.grid import fill_grid, on_grid, seen_draws
from bayes_scaling.models.hierarchy import Groups, context_coordinate
from bayes_scaling.posterior.posterior import Posterior
from bayes_scaling.streams import Stream


def coefficients(
    fit: Posterior,
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
    architectures = architectures_of(fit, architecture, allow_new)
    contexts = contexts_of(fit, context_length)
    return draws_of(fit, architectures, contexts, seed)


def draws_of(fit: Posterior, architectures: list[str], contexts: list[int], seed: int = 0) -> xr.Dataset:
    """`coefficients` of groups that are known to be good ones."""
    posterior = fit.posterior[[*fit.law.names, *fit.spec.noise_names]]
    known = set(fit.architectures).issuperset(architectures) and set(fit.context_lengths).issuperset(contexts)
    if not known:
        posterior = _with_unseen(fit, posterior, architectures, contexts, seed)
    return posterior.sel(architecture=architectures, context_length=contexts)


def drift_of(fit: Posterior, architecture: str, context_length: int, seed: int = 0) -> Drift | None:
    """Draws of the drift of one group, arrays (chain, draw, ...); None where the spec has none.

    An architecture without runs has the prior's.
    """
    if fit.spec.discrepancy == "none":
        return None
    weights = fit.idata["drift"].to_dataset()["weight"]
    n = np.log(fit.runs.frame["params"].to_numpy(dtype=float))
    d = np.log(fit.runs.frame["tokens"].to_numpy(dtype=float))
    reference = float(n.mean()), float(d.mean())
    own = (fit.runs.frame["architecture"].astype(str) == architecture).to_numpy()
    if architecture in weights["architecture"].to_numpy():
        kept = weights.sel({name: fit.posterior[name] for name in ("chain", "draw")})
        chosen = kept.sel(architecture=architecture).transpose("chain", "draw", "walk", "knot").to_numpy()
    else:
        rng = np.random.default_rng([seed, Stream.NEW_DRIFT, *architecture.encode()])
        scales = knot_scales(fit.posterior["drift_scale"].transpose("chain", "draw", "walk").to_numpy())
        chosen = scales * rng.standard_normal(scales.shape)
    used = own if own.any() else np.ones_like(own)
    start = origins(n[used] - reference[0], d[used] - reference[1])
    return Drift(in_context(chosen, _context(fit, context_length)), reference, start)


def _context(fit: Posterior, context_length: int) -> float:
    """c, at which the walks of a context length are."""
    if fit.spec.pooling == "complete":
        return 0.0
    groups, _ = observed_groups(fit.runs)
    asked = Groups(("any",), (context_length,), groups.reference_context)
    return float(context_coordinate(asked)[0])


def offset_of(fit: Posterior, architecture: str, column: str, value: str) -> np.ndarray | None:
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


def _near(name: str, fit: Posterior) -> str:
    """The fitted architecture that a name may have meant, whatever its case."""
    by_case = {known.casefold(): known for known in fit.architectures}
    near = get_close_matches(name.casefold(), list(by_case), n=1)
    return f"did you mean {by_case[near[0]]!r}? " if near else ""


def architectures_of(fit: Posterior, wanted: Any, allow_new: bool = False) -> list[str]:
    """Names of architectures, each once; all fitted for None. Errors as for `coefficients`."""
    if wanted is None:
        return list(fit.architectures)
    names = [str(name) for name in np.atleast_1d(np.asarray(wanted, dtype=object))]
    unknown = [name for name in names if name not in fit.architectures]
    known = ", ".join(fit.architectures)
    if not names:
        raise BudgetError(f"no architecture given: this fit has {known}")
    if unknown and not allow_new:
        raise BudgetError(
            f"unknown architecture {unknown[0]!r}: {_near(unknown[0], fit)}this fit has {known}"
        )
    return list(dict.fromkeys(names))


def contexts_of(fit: Posterior, wanted: Any) -> list[int]:
    """Context lengths, each once; all fitted for None. Errors as for `coefficients`."""
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
    fit: Posterior, posterior: xr.Dataset, architectures: list[str], contexts: list[int], seed: int
) -> xr.Dataset:
    """The posterior on the union of the fitted grid and the wanted one."""
    design = build_design(fit.runs, fit.spec)
    names = sorted({*fit.architectures, *architectures})
    lengths = sorted({*fit.context_lengths, *contexts})
    natural, component = seen_draws(fit.posterior, design)
    rng = np.random.default_rng([seed, Stream.NEW_GROUPS])
    user = fill_grid(natural, component, design, names, lengths, rng)
    drawn = on_grid(user, names, lengths)
    same = {dim: posterior[dim] for dim in ("chain", "draw")}  # thinned draws keep their numbers
    return posterior.combine_first(drawn.assign_coords(same))
