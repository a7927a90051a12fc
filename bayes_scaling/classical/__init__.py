"""The classical point estimators, each with bootstrap intervals: what the posterior is compared with.

`isoflop_fit` (approach 2 of Hoffmann et al. 2022), `huber_fit` (approach 3), `envelope_fit`
(approach 1) and `token_param_slopes`.
"""

from bayes_scaling.classical.envelope import EnvelopeFit, envelope_fit
from bayes_scaling.classical.huber import HuberFit, huber_fit
from bayes_scaling.classical.isoflop import IsoflopFit, isoflop_fit
from bayes_scaling.classical.slopes import token_param_slopes

__all__ = [
    "EnvelopeFit",
    "HuberFit",
    "IsoflopFit",
    "envelope_fit",
    "huber_fit",
    "isoflop_fit",
    "token_param_slopes",
]
