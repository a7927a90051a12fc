"""The classical point estimators, each with bootstrap intervals: what the posterior is compared with.

`isoflop_fit` (approach 2 of Hoffmann et al. 2022), `huber_fit` (approach 3), `envelope_fit`
(approach 1) and `token_param_slopes`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayes_scaling.lazy import lazy_names

if TYPE_CHECKING:
    from bayes_scaling.classical.envelope import EnvelopeFit, envelope_fit
    from bayes_scaling.classical.huber import HuberFit, huber_fit
    from bayes_scaling.classical.isoflop import IsoflopFit, isoflop_fit
    from bayes_scaling.classical.slopes import token_param_slopes

_HOMES = {
    "EnvelopeFit": "envelope",
    "HuberFit": "huber",
    "IsoflopFit": "isoflop",
    "envelope_fit": "envelope",
    "huber_fit": "huber",
    "isoflop_fit": "isoflop",
    "token_param_slopes": "slopes",
}

__all__ = [
    "EnvelopeFit",
    "HuberFit",
    "IsoflopFit",
    "envelope_fit",
    "huber_fit",
    "isoflop_fit",
    "token_param_slopes",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
