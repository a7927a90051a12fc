"""Several models in one posterior: weights by what each says of runs it has not seen."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_scaling.errors import BayesScalingError, SpecError
from bayes_scaling.laws.coefficients import NEUTRAL
from bayes_scaling.laws.drift import LEARNT, WALK_NAMES
from bayes_scaling.laws.law import get_law
from bayes_scaling.models.coefficients import tau
from bayes_scaling.models.design import build_design
from bayes_scaling.models.spec import ModelSpec
from bayes_scaling.posterior.checks import convergence_checks
from bayes_scaling.posterior.criteria import Check
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.posterior.loo import compare_models
from bayes_scaling.posterior.statuses import severity
from bayes_scaling.posterior.verdict import store
from bayes_scaling.streams import Stream

STEPS = 10_000
SETTLED = 1e-10
RUN = ("split", "architecture", "context_length", "params", "tokens", "loss")
COVERING = ("gamma", "mixture")  # laws of others' draws, the first that has all of their coefficients
MIXED = ("posterior", "posterior_predictive", "log_likelihood", "log_prior", "sample_stats")


@dataclass(frozen=True, eq=False)
class Stack:
    """Models and their mixture.

    Attributes
    ----------
    table : DataFrame
        model, weight, score (mean log score of the runs left out, or expected log density over runs),
        runs, criterion.
    fit : Fit
        Draws of the models in proportion to their weights, a fit for every question.
    """

    table: pd.DataFrame
    fit: Fit


def stack(
    fits: Mapping[str, Fit], left_out: Mapping[str, pd.DataFrame] | None = None, seed: int = 0
) -> Stack:
    """Weigh models by their predictions of runs that they have not seen, and mix their draws.

    Parameters
    ----------
    fits : mapping of str to Fit
        Two or more of the same runs, pooling, priors and offsets; laws and discrepancies may differ.
    left_out : mapping of str to DataFrame, optional
        For each model the ``rows`` of its `bayes_scaling.calibration`, the same splits for all: weights then
        maximise the log score of runs beyond the fitted ones. Without, the leave-one-out score, which
        sees interpolation only.
    seed : int
        For which draw comes from which model.

    Returns
    -------
    Stack

    Raises
    ------
    BayesScalingError
        Fewer than two fits, different runs, specs that cannot be mixed, other numbers of draws, back-tests
        of other models or splits.

    References
    ----------
    Yao, Vehtari, Simpson, Gelman 2018.

    Examples
    --------
    >>> mixed = bs.stack({"gamma": fit, "chinchilla": other})
    >>> sorted(mixed.table["model"]), round(float(mixed.table["weight"].sum()), 6)
    (['chinchilla', 'gamma'], 1.0)
    """
    table = _by_loo(fits) if left_out is None else _by_future(fits, left_out)
    weights = table.set_index("model")["weight"]
    return Stack(table, mixture(fits, [float(weights[name]) for name in fits], seed))


def stacking_weights(scores: np.ndarray) -> np.ndarray:
    """Weights (model,) that maximise the mean of ln sum_k w_k exp(score), scores (run, model).

    Expectation and maximisation: the problem is concave.

    Examples
    --------
    >>> import numpy as np
    >>> scores = np.log([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3]])  # the first model is always better
    >>> bs.stacking_weights(scores).round(2).tolist()
    [1.0, 0.0]
    """
    density = np.exp(scores - scores.max(-1, keepdims=True))
    weights = np.full(scores.shape[1], 1 / scores.shape[1])
    for _ in range(STEPS):
        share = density * weights
        moved = (share / share.sum(-1, keepdims=True)).mean(0)
        if np.abs(moved - weights).max() < SETTLED:
            break
        weights = moved
    return np.asarray(moved)


def _by_loo(fits: Mapping[str, Fit]) -> pd.DataFrame:
    table = compare_models(fits)
    score = table["elpd"] / table["runs"]
    chosen = table[["model", "weight"]].assign(score=score, runs=table["runs"])
    return chosen.assign(criterion="leave one out")


def _by_future(fits: Mapping[str, Fit], left_out: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    if set(left_out) != set(fits):
        raise BayesScalingError(
            f"give a back-test for each of {', '.join(fits)}, not for {', '.join(left_out)}"
        )
    own = {
        name: rows[(rows["forecaster"] == "model") & rows["median"].notna()]
        for name, rows in left_out.items()
    }
    keys = {name: rows[list(RUN)].reset_index(drop=True) for name, rows in own.items()}
    first, *others = fits
    for name in others:
        if not keys[name].equals(keys[first]) or keys[name].empty:
            raise BayesScalingError(f"the back-tests of {first!r} and {name!r} have other splits or runs")
    scores = np.stack([own[name]["log_score"].to_numpy(dtype=float) for name in fits], axis=-1)
    table = pd.DataFrame({"model": list(fits), "weight": stacking_weights(scores), "score": scores.mean(0)})
    return table.assign(runs=len(scores), criterion="runs left out")


def mixture(fits: Mapping[str, Fit], weights: Sequence[float], seed: int = 0) -> Fit:
    """Draws of several fits in proportion to weights, as one fit.

    Chains take the length of the shortest; a draw is that of one model at the same chain and draw. Mixing
    undoes the order of the draws, so the mixture's checks of the sampler are the worst of its models'.
    """
    spec = _common_spec(fits)
    members = _of_one_length(list(fits.values()))
    chosen = _chosen(members[0], weights, seed)
    base = max(members, key=lambda fit: len(fit.law.names))
    idata = base.idata.copy()
    idata["prior"] = _group(base, "prior", spec)
    for group in MIXED:
        idata[group] = _pick([_group(fit, group, spec) for fit in members], chosen)
    if spec.discrepancy == "drift":
        idata["drift"] = _pick(_drifts(members), chosen)
    if spec.offsets:
        idata["offsets"] = _pick([fit.idata["offsets"].to_dataset() for fit in members], chosen)
    idata.attrs = base.idata.attrs | {
        "spec": spec.to_json(),
        "stacked": json.dumps(dict(zip(fits, weights, strict=True))),
    }
    store(idata, _worst_gate([fit for i, fit in enumerate(fits.values()) if (chosen == i).any()]), "gate")
    return Fit(idata, base.runs, spec, base.given)


def _worst_gate(members: Sequence[Fit]) -> list[Check]:
    """Of each check of the sampler the worst of several fits."""
    each = [convergence_checks(fit).rows for fit in members]
    return [max(rows, key=lambda row: severity(row.status)) for rows in zip(*each, strict=True)]


def _common_spec(fits: Mapping[str, Fit]) -> ModelSpec:
    if len(fits) < 2:
        raise BayesScalingError("give two fits or more to stack, such as {'gamma': fit, 'chinchilla': other}")
    specs = [fit.spec for fit in fits.values()]
    (name, first), *rest = fits.items()
    for other, fit in rest:
        if fit.runs.data_hash != first.runs.data_hash:
            raise BayesScalingError(
                f"fits {name!r} and {other!r} are of different runs: fit both to one table"
            )
        if _size(fit)[0] != _size(first)[0]:
            raise BayesScalingError(
                f"fits {name!r} and {other!r} have other numbers of chains: fit both alike"
            )
        if fit.given != first.given:
            raise SpecError(
                f"fits {name!r} and {other!r} are asked at other values of covariates: stack them as they "
                "were fitted, then ask the stack at one"
            )
        for part in ("pooling", "offsets", "priors", "errors"):
            if getattr(fit.spec, part) != getattr(first.spec, part):
                raise SpecError(f"fits {name!r} and {other!r} differ in {part}: only law and discrepancy may")
    drift = any(spec.discrepancy == "drift" for spec in specs)
    return replace(specs[0], law=_covering(specs), discrepancy="drift" if drift else "none")


def _covering(specs: Sequence[ModelSpec]) -> str:
    """The law of all, or the first that is every one of them for some coefficients."""
    if len({spec.law for spec in specs}) == 1:
        return specs[0].law
    laws = [spec.law_value for spec in specs]
    needed = {name for law in laws for name in (*law.names, *law.fixed)}
    return next(name for name in COVERING if needed <= set(get_law(name).names))


def _of_one_length(members: list[Fit]) -> list[Fit]:
    """The fits with as many draws of each chain as the shortest has, the first ones."""
    least = min(_size(fit)[1] for fit in members)
    found = []
    for fit in members:
        tree = fit.idata.copy()
        for group in (*MIXED, "drift", "offsets"):
            if group in tree.children:
                tree[group] = xr.DataTree(tree[group].to_dataset().isel(draw=slice(least)))
        found.append(replace(fit, idata=tree))
    return found


def _size(fit: Fit) -> tuple[int, int]:
    return int(fit.posterior.sizes["chain"]), int(fit.posterior.sizes["draw"])


def _chosen(fit: Fit, weights: Sequence[float], seed: int) -> xr.DataArray:
    """The model of each draw: in each chain the nearest whole numbers to its share, in random order."""
    chains, draws = _size(fit)
    edges = np.round(np.cumsum(weights) / np.sum(weights) * draws).astype(int)
    parts = np.repeat(np.arange(len(weights)), np.diff(edges, prepend=0))
    rng = np.random.default_rng([seed, Stream.STACKING])
    order = np.stack([rng.permutation(parts) for _ in range(chains)])
    coords = {name: fit.posterior[name].to_numpy() for name in ("chain", "draw")}
    return xr.DataArray(order, dims=("chain", "draw"), coords=coords)


def _group(fit: Fit, group: str, spec: ModelSpec) -> xr.Dataset:
    """A group of a member, with what the mixture's law has and its own has not."""
    data = fit.idata[group].to_dataset()
    if group not in ("posterior", "prior"):
        return data
    if spec.discrepancy != fit.spec.discrepancy:
        names = np.array(WALK_NAMES)[list(LEARNT)]
        walks = xr.DataArray(np.zeros(len(names)), coords={"walk": names}, dims="walk")
        data = data.assign(drift_scale=data["nu"] * walks)
    lacking = [name for name in spec.law_value.names if name not in fit.law.names]
    if not lacking:
        return data
    neutral = dict(NEUTRAL) | dict(fit.law.fixed)
    data = data.assign({name: xr.full_like(data["A"], neutral[name]) for name in lacking})
    if "tau_architecture" not in data:
        return data
    taus = ["tau_architecture", "tau_context"]
    return data.drop_vars([*taus, "coefficient"]).assign(_with_scales(data, fit, spec, taus))


def _with_scales(data: xr.Dataset, fit: Fit, spec: ModelSpec, taus: list[str]) -> dict[str, xr.DataArray]:
    """Scales with rows for the lacking coefficients, the first of those that a scale may take."""
    design = build_design(fit.runs, spec)
    names = np.array(design.hierarchy.names, dtype=str)
    scales = tau(np.zeros((1, len(names)), dtype=int), design)[0]
    found = {}
    for i, name in enumerate(taus):
        base = xr.DataArray(scales[:, i], dims=("coefficient",), coords={"coefficient": names})
        known = data[name].reindex(coefficient=names)
        found[name] = known.where(known.notnull(), base).transpose("chain", "draw", "coefficient")
    return found


def _drifts(members: list[Fit]) -> list[xr.Dataset]:
    """Weights of each member's drift, 0 for those without."""
    some = next(f for f in members if f.spec.discrepancy == "drift").idata["drift"].to_dataset()
    return [
        f.idata["drift"].to_dataset() if f.spec.discrepancy == "drift" else xr.zeros_like(some)
        for f in members
    ]


def _pick(members: list[xr.Dataset], chosen: xr.DataArray) -> xr.Dataset:
    """Each draw from its member; variables that all have."""
    shared = [name for name in members[0].data_vars if all(name in m for m in members)]
    found = members[0][shared]
    for i, member in enumerate(members[1:], start=1):
        found = member[shared].where(chosen == i, found)
    kinds: dict[Any, Any] = {name: members[0][name].dtype for name in shared}
    return found.transpose("chain", "draw", ...).map(lambda v: v.astype(kinds[v.name]))
