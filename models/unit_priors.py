"""The priors of E and R for losses in another unit than nats per sub-word token.

Text has an entropy per byte; a sub-word token holds 4 to 4.5 bytes of English. E of web text, 1.69 nats a
token (Hoffmann et al. 2022), is then 0.4 nats a byte. Losses per byte come from byte-level models as small as
a thousandth of those behind the defaults, and from large models' losses told per byte, of code as well as of
prose: so both priors are wider. And E may differ more between contexts: one of 128 bytes is some 30 words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from bayes_scaling.models.spec import ModelSpec

_PER_BYTE = {"E": {"median": 0.4, "scale": 0.6, "group_scale": 0.15}, "R": {"median": 0.5, "scale": 1.0}}
_BITS_PER_BYTE = {"E": {"median": 0.58, "scale": 0.6}, "R": {"median": 0.72, "scale": 1.0}}
UNIT_PRIORS: Mapping[str, Mapping[str, Mapping[str, float]]] = MappingProxyType(
    {
        "nats/token": {},
        "bits/token": {"E": {"median": 2.45}, "R": {"median": 1.9}},
        "nats/byte": _PER_BYTE,
        "bits/byte": _BITS_PER_BYTE,
        "bits/character": _BITS_PER_BYTE,
    }
)


def in_unit(spec: ModelSpec | None, unit: str) -> ModelSpec:
    """A spec with the default priors of a unit; what the spec itself changes stays.

    Parameters
    ----------
    spec : ModelSpec, optional
    unit : str
        `Runs.loss_unit`.

    Returns
    -------
    ModelSpec
        The priors of the unit are written out in it, so that a saved fit keeps them.
    """
    spec = spec or ModelSpec()
    own = UNIT_PRIORS[unit]
    if not own:
        return spec
    names = {**own, **spec.priors}
    return replace(spec, priors={name: {**own.get(name, {}), **spec.priors.get(name, {})} for name in names})
