"""Questions of serving: throughput, cost, the batch under a limit, where the faster architecture changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from bayes_scaling.errors import LatencyError
from bayes_scaling.latency.fit import LatencyFit
from bayes_scaling.latency.load import SECONDS_PER_HOUR, load_times
from bayes_scaling.latency.prediction import QUANTITIES, predict
from bayes_scaling.latency.queries import query
from bayes_scaling.streams import Stream

BATCHES = tuple(2**power for power in range(13))
CONTEXTS = tuple(2**power for power in range(7, 18))


def latency(
    fit: LatencyFit,
    architecture: str,
    params: Any,
    batch_size: Any = 1,
    prefill: Any = 0,
    kind: str = "response",
    seed: int = 0,
    **shape: Any,
) -> xr.Dataset:
    """Draws of times, throughput and fit of queries of one architecture.

    Parameters
    ----------
    fit : LatencyFit
    architecture : str
    params, batch_size, prefill : array
        Broadcast against each other; params get their shape from the family through the fitted models.
    kind : {"response", "mean"}
    seed : int
    **shape : array
        Sizes such as ``embedding_dim=4096, num_blocks=32, num_heads=32, ffn_dim=11008`` instead.

    Returns
    -------
    Dataset
        ttft_ms, step_time_ms, fits and throughput (tokens per second of the whole batch, decoding); dims
        chain, draw, query.

    Examples
    --------
    >>> latency(fit, "llama", 7e9, batch_size=[1, 8, 64], prefill=4096)  # doctest: +SKIP
    """
    drawn = predict(fit, query(architecture, params, batch_size, prefill, **shape), kind, seed)
    return drawn.assign(throughput=drawn["batch_size"] / (drawn["step_time_ms"] * 1e-3))


def cost_per_million_tokens(
    fit: LatencyFit,
    architecture: str,
    params: Any,
    batch_size: Any,
    *,
    price_per_hour: float,
    prefill: Any = 0,
    generated: Any = 0,
    kind: str = "mean",
    seed: int = 0,
) -> xr.DataArray:
    """Draws of the price of a million generated tokens, in the unit of ``price_per_hour``.

    Parameters
    ----------
    price_per_hour : float
        Of the device.
    generated : array, optional
        Tokens generated after each prompt, which then pay for the prompt too; 0 counts decoding alone.

    Raises
    ------
    LatencyError
        A price that is not positive.
    """
    if not price_per_hour > 0:
        raise LatencyError(f"price_per_hour is {price_per_hour}: give a positive price of a device hour")
    drawn = latency(fit, architecture, params, batch_size, prefill, kind, seed)
    answer = np.broadcast_to(np.asarray(generated, dtype=float), drawn.sizes["query"])
    share = np.divide(1.0, answer, out=np.zeros(len(answer)), where=answer > 0)
    milliseconds = drawn["step_time_ms"] + drawn["ttft_ms"].fillna(0.0) * xr.DataArray(share, dims="query")
    per_token = milliseconds * 1e-3 / drawn["batch_size"]
    return (per_token * 1e6 * price_per_hour / SECONDS_PER_HOUR).rename("cost_per_million_tokens")


def probability_below(
    fit: LatencyFit,
    *,
    quantity: str = "step_time_ms",
    limit: float,
    architecture: str,
    params: Any,
    batch_size: Any = 1,
    prefill: Any = 0,
    generated: Any = 100,
    kind: str = "response",
    seed: int = 0,
) -> np.ndarray:
    """Probability that a time lies below a limit, whatever the memory.

    Parameters
    ----------
    fit : LatencyFit
    quantity : {"ttft_ms", "step_time_ms", "tpot_ms"}
        ``tpot_ms`` is the time per output token under continuous batching; see `load_times`.
    limit : float
        Milliseconds.
    architecture : str
    params, batch_size, prefill, generated : array
        Broadcast against each other; ``generated``, the tokens of each answer, counts for ``tpot_ms`` only.
    kind : {"response", "mean"}
    seed : int

    Returns
    -------
    ndarray
        Of the broadcast shape.

    Raises
    ------
    LatencyError
        An unknown quantity, or a limit that is not positive.
    """
    _check_limit(limit)
    if quantity == "tpot_ms":
        load = {"concurrency": batch_size, "isl": prefill, "osl": generated}
        drawn = load_times(fit, architecture, params, **load, kind=kind, seed=seed)[quantity]
        shape = _shape(params, batch_size, prefill, generated)
    else:
        _check_quantity(quantity)
        drawn = predict(fit, query(architecture, params, batch_size, prefill), kind, seed)[quantity]
        shape = _shape(params, batch_size, prefill)
    below = (drawn < limit).where(drawn.notnull()).mean(("chain", "draw")).to_numpy()
    return np.asarray(below.reshape(shape))


def fits_probability(
    fit: LatencyFit, *, architecture: str, params: Any, batch_size: Any = 1, prefill: Any = 0
) -> np.ndarray:
    """Probability that a batch of prompts and its first tokens fit the device's memory.

    Parameters as for `probability_below`; the shape is that of the broadcast arguments.
    """
    drawn = predict(fit, query(architecture, params, batch_size, prefill), "mean")["fits"]
    values = drawn.mean(("chain", "draw")).to_numpy()
    return np.asarray(values.reshape(_shape(params, batch_size, prefill)))


def largest_batch(
    fit: LatencyFit,
    architecture: str,
    params: float,
    prefill: int = 0,
    *,
    limit: float,
    quantity: str = "step_time_ms",
    batches: Sequence[int] = BATCHES,
    kind: str = "mean",
    seed: int = 0,
) -> xr.DataArray:
    """Draws (chain, draw) of the largest of ``batches`` whose time is below a limit and that fits.

    A draw fits a batch with the probability of the memory model. 0 where not even the smallest does.

    Raises
    ------
    LatencyError
        An unknown quantity, a limit that is not positive, or no batches.
    """
    _check_quantity(quantity)
    _check_limit(limit)
    sizes = np.unique(np.asarray(batches, dtype=float))
    if not sizes.size:
        raise LatencyError("no batches given: give some, such as [1, 2, 4, 8]")
    drawn = predict(fit, query(architecture, params, sizes, prefill), kind, seed)
    rng = np.random.default_rng([seed, Stream.MEMORY_LIMIT])
    luck = rng.uniform(size=drawn["fits"].shape[:2])[..., None]
    good = (drawn[quantity].to_numpy() < limit) & ~(drawn["fits"].to_numpy() < luck)
    reached = np.cumprod(good, axis=-1).sum(-1)
    values = np.concatenate([[0.0], sizes])[reached]
    return drawn[quantity].isel(query=0, drop=True).copy(data=values).rename("largest_batch")


def faster(
    fit: LatencyFit,
    architectures: tuple[str, str],
    params: Any,
    *,
    batch_size: float = 1,
    contexts: Sequence[int] = CONTEXTS,
    quantity: str = "step_time_ms",
    kind: str = "mean",
    seed: int = 0,
) -> xr.Dataset:
    """Where the faster of two architectures changes with the context.

    Parameters
    ----------
    architectures : pair of str
    params : float or pair of float
        Of each.
    batch_size : float
    contexts : sequence of int
        Tokens of the prompt, searched in this range.
    quantity : {"ttft_ms", "step_time_ms"}
    kind : {"mean", "response"}

    Returns
    -------
    Dataset
        ratio (chain, draw, prefill), time of the first over the second; crossing (chain, draw), the context
        from which on the second is faster, interpolated in logs: 0 where it is from the shortest on, inf
        where it never is.
    """
    _check_quantity(quantity)
    pair = np.broadcast_to(np.asarray(params, dtype=float), 2)
    grid = np.unique(np.asarray(contexts, dtype=float))
    times = [
        predict(fit, query(name, size, batch_size, grid), kind, seed)[quantity]
        for name, size in zip(architectures, pair, strict=True)
    ]
    gap = np.log(times[0].to_numpy()) - np.log(times[1].to_numpy())
    sample = {dim: times[0][dim].to_numpy() for dim in ("chain", "draw")}
    crossing = _last_crossing(gap, np.log(grid))
    return xr.Dataset(
        {"ratio": (("chain", "draw", "prefill"), np.exp(gap)), "crossing": (("chain", "draw"), crossing)},
        {**sample, "prefill": grid},
    )


def _last_crossing(gap: np.ndarray, log_grid: np.ndarray) -> np.ndarray:
    """Where ``gap`` (..., grid) last turns from negative to positive, back on the scale of the grid."""
    negative = gap < 0
    last = gap.shape[-1] - 1 - np.argmax(negative[..., ::-1], axis=-1)
    before = np.minimum(last, gap.shape[-1] - 2)
    low = np.take_along_axis(gap, before[..., None], -1)[..., 0]
    high = np.take_along_axis(gap, before[..., None] + 1, -1)[..., 0]
    share = low / np.where(low == high, 1.0, low - high)
    inside = np.exp(log_grid[before] + share * (log_grid[before + 1] - log_grid[before]))
    never = last == gap.shape[-1] - 1
    return np.asarray(np.where(~negative.any(-1), 0.0, np.where(never, np.inf, inside)))


def _shape(*arguments: Any) -> tuple[int, ...]:
    return np.broadcast_shapes(*(np.shape(argument) for argument in arguments))


def _check_quantity(quantity: str) -> None:
    if quantity not in QUANTITIES:
        raise LatencyError(f"unknown quantity {quantity!r}: choose one of {', '.join(QUANTITIES)}")


def _check_limit(limit: float) -> None:
    if not limit > 0:
        raise LatencyError(f"the limit is {limit}: give milliseconds above 0")
