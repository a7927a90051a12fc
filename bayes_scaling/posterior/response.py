"""The spread of one run's loss beside that of the law: never the narrower of the two."""

from __future__ import annotations

import numpy as np

OUTER = 0.25  # share of the draws on either side that no interval of a half or more cuts into
FEWEST = 4  # draws that have two outer sides


def no_narrower(law: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Draws of single runs whose intervals hold those of the law, run by run.

    One run shows the law and its scatter, so its intervals hold the law's. Drawn scatter can fall short of
    that by chance, where it is small beside the law's own spread. Here the draws are common: in the outer
    quarters the draw of each rank lies at least as far out as the law's draw of that rank. So every
    interval of half the draws or more holds the law's; where the scatter is wide nothing changes.

    Parameters
    ----------
    law : ndarray (chain, draw, run)
        ln L of the law. Scatter that is not symmetric has its median added.
    response : ndarray (chain, draw, run)
        ln L of the law and its scatter, from the same draws.

    Returns
    -------
    ndarray (chain, draw, run)
        The order of the response's draws stays.
    """
    known = np.sort(law.reshape(-1, law.shape[-1]), axis=0)
    drawn = response.reshape(known.shape)
    count = len(drawn)
    if count < FEWEST:
        return response
    order = np.argsort(drawn, axis=0, kind="stable")
    kept = np.take_along_axis(drawn, order, axis=0)
    low = slice(0, int(np.ceil(OUTER * (count - 1))) + 1)
    high = slice(int(np.floor((1 - OUTER) * (count - 1))), count)
    kept[low] = np.minimum(kept[low], known[low])
    kept[high] = np.maximum(kept[high], known[high])
    found = np.empty_like(drawn)
    np.put_along_axis(found, order, kept, axis=0)
    return found.reshape(response.shape)
