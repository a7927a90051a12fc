"""The model specification: a frozen value that goes to JSON or TOML and back."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Literal, get_args

from bayes_scaling.errors import SpecError
from bayes_scaling.laws.law import LAWS, Law, get_law
from bayes_scaling.models.priors import DEFAULT_PRIORS, LAW_PRIORS, Prior

Pooling = Literal["partial", "none", "complete"]
Discrepancy = Literal["drift", "none"]
Errors = Literal["symmetric", "skewed"]
Backend = Literal["numpyro", "pymc"]
Sampler = Literal["nutpie", "pymc"]
LARGEST = 1e300  # of a prior's numbers
_SETTABLE = ("median", "scale", "group_scale")


@dataclass(frozen=True)
class ModelSpec:
    """What is fitted: the law, how groups are tied together, and the priors.

    Parameters
    ----------
    law : str
        A name in `bayes_scaling.laws.law.LAWS`.
    pooling : {"partial", "none", "complete"}
        Groups (architecture, context length) share a hierarchy, are independent, or are one.
    discrepancy : {"default", "drift", "none"}
        ln L drifts from the law away from the runs, see `bayes_scaling.laws.drift`: the default. Or the law
        is taken as true.
    offsets : tuple of str
        Columns of the runs whose values stand for runs made alike: a recipe, a data order, the training run
        that several checkpoints come from. Each value shifts ln L of its runs by a normal amount of sd
        `bayes_scaling.models.misfit.OFFSET`, for each architecture.
    priors : mapping of str to mapping
        Changes to the default priors by name, such as ``{"E": {"median": 1.2, "scale": 0.2}}``.
        Keys: median, scale, group_scale; see `bayes_scaling.models.priors.Prior`.
    errors : {"symmetric", "skewed"}
        Runs scatter round the law alike on both sides, or more above it, as undertuned ones do: a Student-t
        of two scales, ``sigma`` below and ``skew`` times that above. The law is then the loss of well-tuned
        runs.

    Raises
    ------
    SpecError
        Unknown law, pooling, discrepancy, errors, prior or key, or a value that is not positive.

    Examples
    --------
    >>> spec = bs.ModelSpec(law="chinchilla", priors={"E": {"median": 1.5}})
    >>> spec.discrepancy, spec.prior("E").median
    ('drift', 1.5)
    >>> bs.ModelSpec.from_toml(spec.to_toml()) == spec
    True
    """

    law: str = "gamma"
    pooling: str = "partial"
    discrepancy: str = "drift"
    offsets: tuple[str, ...] = ()
    priors: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    errors: str = "symmetric"

    def __post_init__(self) -> None:
        _one_of("law", self.law, tuple(LAWS))
        if not isinstance(self.priors, Mapping):
            raise SpecError(f"priors {self.priors!r:.60}: give a table such as {{'E': {{'median': 1.7}}}}")
        object.__setattr__(self, "law", get_law(self.law).name)
        _one_of("pooling", self.pooling, get_args(Pooling))
        if self.discrepancy == "default":
            object.__setattr__(self, "discrepancy", get_args(Discrepancy)[0])
        _one_of("discrepancy", self.discrepancy, get_args(Discrepancy))
        _one_of("errors", self.errors, get_args(Errors))
        object.__setattr__(self, "offsets", _columns(self.offsets))
        frozen = {name: MappingProxyType(_checked(name, change)) for name, change in self.priors.items()}
        object.__setattr__(self, "priors", MappingProxyType(frozen))

    @property
    def law_value(self) -> Law:
        """The `Law` itself."""
        return get_law(self.law)

    @property
    def noise_names(self) -> tuple[str, ...]:
        """Names of the scatter's coefficients, one of each in every group."""
        return ("sigma", "skew") if self.errors == "skewed" else ("sigma",)

    def prior(self, name: str) -> Prior:
        """The prior of that name, the law's own where it has one, with this spec's changes."""
        _one_of("prior", name, tuple(_DEFAULTS))
        own = {prior.name: prior for prior in LAW_PRIORS.get(self.law, ())}
        changes: dict[str, Any] = dict(self.priors.get(name, {}))
        return replace(own.get(name, _DEFAULTS[name]), **changes)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "law": self.law,
            "pooling": self.pooling,
            "discrepancy": self.discrepancy,
            "offsets": list(self.offsets),
            "priors": {k: dict(v) for k, v in self.priors.items()},
            "errors": self.errors,
        }

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as JSON, for other processes."""
        return ModelSpec.from_json, (self.to_json(),)

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(self.to_dict(), sort_keys=True)

    def to_toml(self) -> str:
        """TOML text."""
        parts = ("law", "pooling", "discrepancy", "errors")
        lines = [f'{name} = "{getattr(self, name)}"' for name in parts]
        lines += [f"offsets = {json.dumps(list(self.offsets))}"] if self.offsets else []
        for name, change in sorted(self.priors.items()):
            lines += ["", f"[priors.{name}]", *(f"{key} = {value!r}" for key, value in change.items())]
        return "\n".join(lines) + "\n"

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ModelSpec:
        """Rebuild; unknown keys are an error."""
        for key in values:
            _one_of("key of a model spec", key, tuple(f.name for f in fields(cls)))
        return cls(**values)

    @classmethod
    def from_json(cls, text: str) -> ModelSpec:
        """Rebuild from JSON.

        Raises
        ------
        SpecError
            Not JSON, or not a spec.
        """
        return cls.from_dict(_parsed(json.loads, text, "JSON"))

    @classmethod
    def from_toml(cls, text: str) -> ModelSpec:
        """Rebuild from TOML.

        Raises
        ------
        SpecError
            Not TOML, or not a spec.
        """
        return cls.from_dict(_parsed(tomllib.loads, text, "TOML"))


_DEFAULTS = {prior.name: prior for prior in DEFAULT_PRIORS}


def _parsed(loads: Any, text: str, kind: str) -> Mapping[str, Any]:
    try:
        values = loads(text)
    except (ValueError, RecursionError) as error:
        raise SpecError(f"the model spec is not {kind}: {error}") from None
    if not isinstance(values, dict):
        raise SpecError(
            f"the model spec is not a {kind} table of law, pooling, discrepancy, errors, offsets and priors"
        )
    return values


def _columns(names: Any) -> tuple[str, ...]:
    listed = isinstance(names, list | tuple)
    if not listed or not all(isinstance(n, str) and n for n in names) or len(set(names)) < len(names):
        raise SpecError(f"offsets {names!r}: give different column names, such as ['experiment_set']")
    return tuple(names)


def _one_of(what: str, value: Any, known: tuple[str, ...]) -> None:
    if value in known:
        return
    near = get_close_matches(str(value), known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise SpecError(f"unknown {what} {value!r}{hint} Known: {', '.join(known)}")


def _checked(name: str, change: Any) -> dict[str, float]:
    _one_of("prior", name, tuple(_DEFAULTS))
    if not isinstance(change, Mapping):
        raise SpecError(f"prior {name!r} takes a table such as {{'median': 1.7}}, not {change!r}")
    for key, value in change.items():
        _one_of(f"key of prior {name!r}", key, _SETTABLE)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        signed = key == "median" and _DEFAULTS[name].transform == "identity"
        if not number or not abs(value) < math.inf or (value <= 0 and not signed) or abs(value) > LARGEST:
            raise SpecError(
                f"prior {name!r}: {key} must be a {'' if signed else 'positive '}number, not {value!r}"
            )
    if _DEFAULTS[name].transform == "logit" and change.get("median", 0.5) >= 1:
        raise SpecError(f"prior {name!r}: median must lie between 0 and 1")
    return {key: float(value) for key, value in change.items()}
