"""What a latency fit assumes beside its timings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from bayes_scaling.accounting import AccountingError, Precision, get_architecture
from bayes_scaling.errors import LatencyError
from bayes_scaling.models.latency_design import Noise
from bayes_scaling.roofline.devices import Device
from bayes_scaling.roofline.parameters import Parameter
from bayes_scaling.roofline.workload import Deployment

Prior = tuple[float, float]
DEPLOYMENTS = {
    "bfloat16": Deployment(),
    "float16": Deployment(),
    "float32": Deployment(Precision(activation=4.0, weight=4.0), "fused"),  # a host: models of the twins
}


@dataclass(frozen=True)
class KernelPrior:
    """What the kernels of a device say of coefficients: one normal posterior, and how far models differ.

    Attributes
    ----------
    names : tuple of str
        ``phase/name``, or ``architecture/phase/name``.
    mean : tuple of float
        Of each coefficient's ``u`` in a model.
    covariance : tuple of tuple of float
        Of the kernels' own ``u`` on this device; all models share it.
    transfer : tuple of float
        Standard deviation of what each model's kernel adds.
    """

    names: tuple[str, ...]
    mean: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    transfer: tuple[float, ...]

    def index(self, keys: tuple[str, ...]) -> int | None:
        """The first of the keys that is a name here."""
        return next((self.names.index(key) for key in keys if key in self.names), None)

    def of(self, index: int) -> Prior:
        """Mean and standard deviation of one coefficient in a model."""
        variance = self.covariance[index][index] + self.transfer[index] ** 2
        return self.mean[index], float(np.sqrt(variance))


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
    deployment : Deployment, optional
        Bytes of numbers, fused or eager blocks, logits. Default: two bytes but for states of four, eager, the
        last logits; four bytes where the peak of the device is that of float32.
    kernels : KernelPrior, optional
        What microbenchmarks say of the device; see `bayes_scaling.latency.kernel_priors`.
    priors : mapping of str to (mean, sd)
        Replaces the datasheet prior of a coefficient's ``u``; keys are ``architecture/phase/name`` or
        ``phase/name`` for all architectures. They come before ``kernels``.
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
    deployment: Deployment | None = None
    kernels: KernelPrior | None = None
    priors: Mapping[str, Prior] = field(default_factory=dict)
    prior_source: str = "datasheet"
    prior_width: float = 1.0

    @property
    def deployed(self) -> Deployment:
        """The deployment that holds here.

        Raises
        ------
        LatencyError
            The peak of the device is that of a dtype whose bytes are not known, and no deployment is given.
        """
        if self.deployment is not None:
            return self.deployment
        if self.device.dtype in DEPLOYMENTS:
            return DEPLOYMENTS[self.device.dtype]
        raise LatencyError(
            f"device {self.device.name!r}: its peak is that of {self.device.dtype}, and the bytes of its "
            "numbers are not told. Remedy: give deployment=Deployment(Precision(activation, weight, state, "
            f"cache)), or the peak of one of {', '.join(DEPLOYMENTS)}."
        )

    def prior_of(self, architecture: str, phase: str, parameter: Parameter) -> Parameter:
        """The coefficient with the prior that holds here."""
        keys = keys_of(architecture, phase, parameter.name)
        for key in keys:
            if key in self.priors:
                return parameter.with_prior(*self.priors[key])
        found = self.kernel_of(architecture, phase, parameter.name)
        if self.kernels is not None and found is not None:
            return parameter.with_prior(*self.kernels.of(found))
        width = self.prior_width if parameter.of_device else 1.0
        return parameter.with_prior(parameter.center, parameter.sd * width)

    def kernel_of(self, architecture: str, phase: str, name: str) -> int | None:
        """Where ``kernels`` holds a coefficient whose prior it gives."""
        keys = keys_of(architecture, phase, name)
        if self.kernels is None or any(key in self.priors for key in keys):
            return None
        return self.kernels.index(keys)

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
            deployment = _deployment(data.pop("deployment"))
            kernels = _kernels(data.pop("kernels"))
            priors = {name: (float(m), float(s)) for name, (m, s) in data.pop("priors").items()}
            noise = Noise(**data.pop("noise"))
            given: dict[str, Any] = {"deployment": deployment, "kernels": kernels, "priors": priors}
            return cls(device=Device(**device), noise=noise, **given, **data)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise LatencyError(f"not the settings of a latency fit ({error})") from None


def keys_of(architecture: str, phase: str, name: str) -> tuple[str, ...]:
    """Names of a coefficient in a mapping of priors, the most particular first."""
    try:
        known = get_architecture(architecture).name
    except AccountingError:
        known = architecture
    return f"{architecture}/{phase}/{name}", f"{known}/{phase}/{name}", f"{phase}/{name}"


def _deployment(data: dict[str, Any] | None) -> Deployment | None:
    if data is None:
        return None
    return Deployment(
        Precision(**data["precision"]), data["fusion"], tuple(data["all_logits"]), data["parallel"]
    )


def _kernels(data: dict[str, Any] | None) -> KernelPrior | None:
    if data is None:
        return None
    covariance = tuple(tuple(row) for row in data["covariance"])
    return KernelPrior(tuple(data["names"]), tuple(data["mean"]), covariance, tuple(data["transfer"]))
