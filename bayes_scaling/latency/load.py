"""A server under load: time per output token with the prompts of others, replicas, and what they cost."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from bayes_scaling.errors import LatencyError
from bayes_scaling.latency.fit import LatencyFit
from bayes_scaling.latency.prediction import predict
from bayes_scaling.latency.queries import query
from bayes_scaling.latency.served import served_tpot

SECONDS_PER_HOUR = 3600.0


def load_times(
    fit: LatencyFit,
    architecture: str,
    params: Any,
    *,
    concurrency: Any,
    isl: Any,
    osl: Any,
    kind: str = "mean",
    seed: int = 0,
    **shape: Any,
) -> xr.Dataset:
    """Draws of the times of requests under continuous batching.

    Parameters
    ----------
    fit : LatencyFit
    architecture : str
    params, concurrency, isl, osl : array
        Requests at once, tokens of each prompt and of each answer; they broadcast against each other.
    kind : {"mean", "response"}
    seed : int
    **shape : array
        Sizes instead of those of the family, such as ``embedding_dim=4096``.

    Returns
    -------
    Dataset
        Dims chain, draw, query: prompt_ms (of one prompt, without a queue), tpot_ms (per output token),
        request_s (a request from its prompt to its last token), tokens_per_second (of the whole server) and
        fits (the probability that so many prompts fit).

    Raises
    ------
    LatencyError
        A load that is not positive.
    """
    given = (params, concurrency, isl, osl)
    arrays = np.broadcast_arrays(*(np.atleast_1d(np.asarray(value, dtype=float)) for value in given))
    sizes = arrays[0].ravel()
    many = arrays[1].ravel()
    prompt = arrays[2].ravel()
    answer = arrays[3].ravel()
    for name, values in (("concurrency", many), ("isl", prompt), ("osl", answer)):
        if not (values >= 1).all():
            raise LatencyError(f"{name} is {values.min():g}: give 1 or more")
    step = predict(fit, query(architecture, sizes, many, prompt, **shape), kind, seed)
    alone = predict(fit, query(architecture, sizes, 1.0, prompt, **shape), kind, seed)["ttft_ms"]
    one = alone.assign_coords(batch_size=step["batch_size"])
    requests = xr.DataArray(many, dims="query")
    tokens = xr.DataArray(answer, dims="query")
    tpot = served_tpot(step["step_time_ms"], one, requests, tokens)
    request = 1e-3 * (one + tokens * tpot)
    return xr.Dataset(
        {
            "prompt_ms": one,
            "tpot_ms": tpot,
            "request_s": request,
            "tokens_per_second": requests * tokens / request,
            "fits": step["fits"],
        }
    )


def replicas(
    fit: LatencyFit,
    architecture: str,
    params: float,
    *,
    requests_per_second: float,
    concurrency: float,
    isl: float,
    osl: float,
    price_per_hour: float,
    devices: int = 1,
    seed: int = 0,
    **shape: Any,
) -> xr.Dataset:
    """Draws of how many servers a load needs, and of their price.

    Parameters
    ----------
    requests_per_second : float
        Of the whole load.
    concurrency, isl, osl : float
        Of one server; see `load_times`.
    price_per_hour : float
        Of one device.
    devices : int
        Of one server.

    Returns
    -------
    Dataset
        Dims chain, draw: replicas (whole servers), price_per_hour of all of them, and per_million_tokens, the
        price of a million generated tokens; in the unit of ``price_per_hour``.

    Raises
    ------
    LatencyError
        A load or a price that is not positive.
    """
    for name, value in (("requests_per_second", requests_per_second), ("price_per_hour", price_per_hour)):
        if not value > 0:
            raise LatencyError(f"{name} is {value}: give a positive number")
    load: dict[str, Any] = {"concurrency": concurrency, "isl": isl, "osl": osl, "seed": seed}
    times = load_times(fit, architecture, params, **load, **shape).isel(query=0, drop=True)
    needed = np.ceil(requests_per_second * times["request_s"] / concurrency)
    price = needed * devices * price_per_hour
    tokens = requests_per_second * osl * SECONDS_PER_HOUR
    return xr.Dataset(
        {"replicas": needed, "price_per_hour": price, "per_million_tokens": 1e6 * price / tokens}
    )
