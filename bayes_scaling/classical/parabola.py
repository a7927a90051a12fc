"""The least point of a polynomial fitted to one isoFLOP curve, for all resamples at once."""

from __future__ import annotations

import numpy as np

REACH = 1.0  # decades beyond the runs, farther a minimum is a nearly flat curve's whim


def polynomial_minimum(
    x: np.ndarray, loss: np.ndarray, weights: np.ndarray, degree: int
) -> tuple[np.ndarray, np.ndarray]:
    """Where the weighted least-squares polynomials are least, and how low.

    Parameters
    ----------
    x : ndarray (run,)
        log10 of params or tokens.
    loss : ndarray (run,)
    weights : ndarray (resample, run)
    degree : {2, 3}

    Returns
    -------
    tuple of ndarray
        Place and loss there, each (resample,). NaN where the polynomial has no minimum, or none within a
        decade of the runs, or where the resample has too few distinct runs for it.
    """
    center = x.mean()
    spread = max(float(np.ptp(x)), 1e-12)
    z = (x - center) / spread
    c, determined = _coefficients(z, loss, weights, degree)
    place = _stationary(c, degree)
    level = (c * place[:, None] ** np.arange(degree + 1)).sum(-1)
    room = REACH / spread
    near = determined & (place >= z.min() - room) & (place <= z.max() + room)  # false for NaN
    return np.where(near, center + spread * place, np.nan), np.where(near, level, np.nan)


def _coefficients(
    z: np.ndarray, loss: np.ndarray, weights: np.ndarray, degree: int
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients by rising power (resample, degree + 1), and whether the runs determine them."""
    basis = np.vander(z, degree + 1, increasing=True)
    gram = np.einsum("ri,ip,iq->rpq", weights, basis, basis)
    moment = np.einsum("ri,ip,i->rp", weights, basis, loss)
    determined = np.array([len(np.unique(z[w > 0])) for w in weights]) > degree
    gram = np.where(determined[:, None, None], gram, np.eye(degree + 1))
    return np.linalg.solve(gram, moment[..., None])[..., 0], determined


def _stationary(c: np.ndarray, degree: int) -> np.ndarray:
    """Where the slope is 0 and rising, NaN for nowhere."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if degree == 2:
            return np.where(c[:, 2] > 0, -c[:, 1] / (2 * c[:, 2]), np.nan)
        root = np.sqrt(c[:, 2] ** 2 - 3 * c[:, 3] * c[:, 1])  # NaN: the cubic has no stationary point
        return np.where(c[:, 2] > 0, -c[:, 1] / (c[:, 2] + root), (root - c[:, 2]) / (3 * c[:, 3]))
