"""Fewer draws of a fit, for curves: more make a figure slower, not clearer."""

from __future__ import annotations

import xarray as xr

from bayes_scaling.posterior.fit import Fit

SHOWN = 250  # draws of each chain behind a curve


def thinned(fit: Fit, draws: int = SHOWN) -> Fit:
    """The same fit with one draw in so many of each chain, at least ``draws`` of them.

    Groups with draws of their own, as the prior's, stay. A fit that has fewer than twice as many is given
    back as it is.

    Parameters
    ----------
    fit : Fit
    draws : int
    """
    size = {dim: fit.posterior.sizes[dim] for dim in ("chain", "draw")}
    step = size["draw"] // draws
    if step < 2:
        return fit
    found = {}
    for name, node in fit.idata.children.items():
        data = node.to_dataset()
        alike = all(data.sizes.get(dim) == count for dim, count in size.items())
        found[name] = data.isel(draw=slice(None, None, step)) if alike else data
    tree = xr.DataTree.from_dict(found)
    tree.attrs = dict(fit.idata.attrs)
    return Fit(tree, fit.runs, fit.spec, fit.given)
