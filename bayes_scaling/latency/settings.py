"""What a latency fit assumes beside its timings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from bayes_scaling.errors import LatencyError
from bayes_scaling.models.latency_design import Noise
from bayes_scaling.roofline.devices import Device
from bayes_scaling.roofline.parameters import Parameter

Prior = tuple[float, float]


@dataclass(frozen=True)
class LatencySettings:
    """The assumptions of a latency fit; the defaults serve every architecture and phase.

    Attributes
    ----------
    device : Device
        Efficiencies are relative to its datasheet constants.
    generated : int
        Tokens over which a step time is averaged.
    cache_block : int
        Tokens by which the cache of keys grows: prompts and answers are rounded up to it.
    noise : Noise
    priors : mapping of str to (mean, sd)
        Replaces the datasheet prior of a coefficient's ``u``; keys are ``architecture/phase/name`` or
        ``phase/name`` for all architectures.
    prior_source : str
        ``datasheet``, or what the replaced priors come from.
    prior_width : float
        Factor of the standard deviations of a device's efficiencies and times where no prior replaces them:
        1 for a GPU of the usual kind, 2 where nothing but a datasheet is known.
    """

    device: Device
    generated: int = 100
    cache_block: int = 128
    noise: Noise = field(default_factory=Noise)
    priors: Mapping[str, Prior] = field(default_factory=dict)
    prior_source: str = "datasheet"
    prior_width: float = 1.0

    def prior_of(self, architecture: str, phase: str, parameter: Parameter) -> Parameter:
        """The coefficient with the prior that holds here."""
        for key in (f"{architecture}/{phase}/{parameter.name}", f"{phase}/{parameter.name}"):
            if key in self.priors:
                return parameter.with_prior(*self.priors[key])
        width = self.prior_width if parameter.of_device else 1.0
        return parameter.with_prior(parameter.center, parameter.sd * width)

    def to_json(self) -> str:
        """As text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> LatencySettings:
        """From text that `to_json` wrote.

        Raises
        ------
        LatencyError
            Other text.
        """
        try:
            data: dict[str, Any] = json.loads(text)
            device = data.pop("device")
            device["matches"] = tuple(device["matches"])
            priors = {name: (float(m), float(s)) for name, (m, s) in data.pop("priors").items()}
            return cls(device=Device(**device), noise=Noise(**data.pop("noise")), priors=priors, **data)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise LatencyError(f"not the settings of a latency fit ({error})") from None
