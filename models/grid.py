"""Coefficients on the whole grid of architectures and context lengths, groups without runs filled in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from bayes_scaling.models.coefficients import Draws, component_of, draw_unseen, to_natural, to_user
from bayes_scaling.models.design import Design
from bayes_scaling.models.hierarchy import Groups

DIMS = ("chain", "draw", "architecture", "context_length")


def fill_grid(
    natural: Draws,
    component: np.ndarray,
    design: Design,
    architectures: Sequence[str],
    context_lengths: Sequence[int],
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """User coefficients (..., architecture, context_length).

    Cells with runs keep their draws, the others are drawn given those.

    Parameters
    ----------
    natural : mapping of str to ndarray (..., column)
    component : ndarray (..., coefficient)
        The hierarchy's scales, see `coefficients.draw_components`.
    """
    cells = [(a, t) for a in architectures for t in context_lengths]
    seen = list(zip(design.groups.architecture, design.groups.context_length, strict=True))
    missing = [cell for cell in cells if cell not in seen]
    values = {name: _per_group(natural[name], design) for name in design.hierarchy.names}
    if missing:
        names, lengths = zip(*missing, strict=True)
        new = Groups(names, lengths, design.groups.reference_context)
        drawn = draw_unseen(natural, component, design, new, rng)
        values = {name: np.concatenate([values[name], drawn[name]], axis=-1) for name in values}
    order = [(seen + missing).index(cell) for cell in cells]
    user = to_user({name: value[..., order] for name, value in values.items()}, design)
    shape = (len(architectures), len(context_lengths))
    return {name: value.reshape(*value.shape[:-1], *shape) for name, value in user.items()}


def on_grid(
    user: Mapping[str, np.ndarray], architectures: Sequence[str], context_lengths: Sequence[int]
) -> xr.Dataset:
    """User coefficients (chain, draw, architecture, context_length) with coords."""
    chain, draw = next(iter(user.values())).shape[:2]
    coords = {
        "chain": np.arange(chain),
        "draw": np.arange(draw),
        "architecture": np.array(architectures, dtype=str),
        "context_length": np.array(context_lengths, dtype=np.int64),
    }
    return xr.Dataset({name: (DIMS, value) for name, value in user.items()}, coords=coords)


def seen_draws(posterior: xr.Dataset, design: Design) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Natural coefficients (chain, draw, column) and components back from a posterior."""
    groups = design.groups
    rows = [list(posterior["architecture"].to_numpy()).index(a) for a in groups.architecture]
    columns = [list(posterior["context_length"].to_numpy()).index(t) for t in groups.context_length]
    names = (*design.spec.law_value.names, *design.spec.noise_names)
    cells = {name: posterior[name].transpose(*DIMS).to_numpy()[..., rows, columns] for name in names}
    natural = to_natural({name: value[..., : design.columns] for name, value in cells.items()}, design)
    if "tau_architecture" not in posterior:
        shape = (posterior.sizes["chain"], posterior.sizes["draw"], len(design.hierarchy.names))
        return natural, np.zeros(shape, dtype=int)
    dims = ("chain", "draw", "coefficient")
    between = posterior["tau_architecture"].transpose(*dims).to_numpy()
    along = posterior["tau_context"].transpose(*dims).to_numpy()
    return natural, component_of(between, along, design)


def _per_group(value: np.ndarray, design: Design) -> np.ndarray:
    """One column for each observed group, also under complete pooling."""
    return value if value.shape[-1] == len(design.groups) else np.repeat(value, len(design.groups), axis=-1)
