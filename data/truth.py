"""The truth behind simulated runs: coefficients of a law for every architecture and context length."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd

from bayes_scaling.errors import RunsError
from bayes_scaling.laws.law import Law, get_law

COEFFICIENTS = ("E", "A", "B", "alpha", "beta", "gamma")
OTHERS = MappingProxyType(
    {"eta": 0.03, "repeat_tokens": 15.0, "repeat_params": 5.0}
    | {"overfit": 0.05, "overfit_params": 0.8, "overfit_epochs": 30.0}
    | {"expert_worth": 0.4, "stream_worth": 0.35}
)  # of laws that have them
KEYS = ("architecture", "context_length")
REFERENCE_COMPUTE = 3e19
REFERENCE_CONTEXT = 8192
DIGITS = 8  # significant digits of a coefficient, so that no machine differs in the last bit


@dataclass(frozen=True)
class Profile:
    """An architecture by quantities one can picture, at 3e19 FLOPs and context 8192.

    Attributes
    ----------
    E : float
        Irreducible loss in nats.
    reducible : float
        Loss above E at the optimum, nats.
    optimum : float
        Params at the optimum.
    alpha, beta, gamma : float
        Exponents of the law with gamma free.
    reducible_slope, optimum_slope, exponent_slope : float
        Change of ln reducible, ln optimum and ln alpha with each doubling of the context.
    """

    E: float
    reducible: float
    optimum: float
    alpha: float
    beta: float
    gamma: float
    reducible_slope: float
    optimum_slope: float
    exponent_slope: float


PROFILES: Mapping[str, Profile] = MappingProxyType(
    {
        "transformer": Profile(1.75, 1.21, 3.6e8, 0.42, 0.51, 0.55, 0.020, -0.10, 0.005),
        "xlstm": Profile(1.73, 1.12, 5.4e8, 0.43, 0.50, 0.55, -0.008, -0.02, -0.005),
    }
)


@dataclass(frozen=True, eq=False)
class Truth:
    """What simulated runs were drawn from.

    Attributes
    ----------
    law : str
    coefficients : DataFrame
        One row a group: architecture, context_length, E (nats), A, B, alpha, beta, gamma, what else the law
        has, sigma (scale of the noise in ln loss).
    nu : float
        Degrees of freedom of the Student-t noise.
    """

    law: str
    coefficients: pd.DataFrame
    nu: float

    def expected_loss(self, frame: pd.DataFrame) -> np.ndarray:
        """Loss without noise, nats, shape (run,), of runs with architecture, context_length, params, tokens.

        And the law's further columns.

        Raises
        ------
        SpecError
            A column that the law needs is missing.
        RunsError
            A run belongs to a group that the truth does not hold.
        """
        theta = self.by_run(frame)
        law = get_law(self.law)
        arrays = {name: theta[name].to_numpy() for name in law.names}
        arrays |= law.of_runs(frame)
        params = frame["params"].to_numpy(dtype=float)
        tokens = frame["tokens"].to_numpy(dtype=float)
        return np.asarray(law.loss(np, params, tokens, arrays))

    def by_run(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The coefficients and sigma of each run, in the order of the runs."""
        keys = frame[list(KEYS)].astype({"context_length": "int64"})
        theta = keys.merge(self.coefficients, on=list(KEYS), how="left", validate="many_to_one")
        if theta["E"].isna().any():
            lost = keys[theta["E"].isna().to_numpy()].iloc[0]
            raise RunsError(f"the truth holds no group {lost['architecture']} at {lost['context_length']}")
        return theta

    def to_json(self) -> str:
        """The truth as JSON text; `from_json` gives it back exactly."""
        groups = self.coefficients.to_dict(orient="records")
        return json.dumps({"law": self.law, "nu": self.nu, "groups": groups}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Truth:
        """The truth that `to_json` wrote.

        Raises
        ------
        RunsError
            The text is no such document.
        """
        try:
            document = json.loads(text)
            law = get_law(document["law"])
            names = dict.fromkeys((*COEFFICIENTS, *law.names))
            table = pd.DataFrame(document["groups"])[[*KEYS, *names, "sigma"]]
            return cls(law.name, table, float(document["nu"]))
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise RunsError(
                f"no truth of simulated runs: {error}. Remedy: give what Truth.to_json wrote."
            ) from error


def make_truth(
    rng: np.random.Generator,
    architectures: Sequence[str],
    context_lengths: Sequence[int],
    law: str,
    noise: float,
    nu: float,
) -> Truth:
    """A truth whose coefficients change smoothly with ln context length.

    ``transformer`` and ``xlstm`` have fixed profiles; other names get one drawn near the transformer's.
    """
    rows = []
    for architecture in architectures:
        profile = PROFILES.get(architecture) or _drawn_profile(rng)
        for length in context_lengths:
            theta = _coefficients(profile, length, get_law(law))
            rows.append(
                {"architecture": architecture, "context_length": int(length), **theta, "sigma": noise}
            )
    return Truth(law, pd.DataFrame(rows), nu)


def _coefficients(profile: Profile, context_length: int, law: Law) -> dict[str, float]:
    """The law whose optimum at the reference compute is the profile's, with slopes there near its."""
    doublings = float(np.log2(context_length / REFERENCE_CONTEXT))
    falling = profile.reducible * np.exp(profile.reducible_slope * doublings)
    floor = law.fixed.get("E", profile.E)
    slope = profile.gamma * falling / (profile.E + falling - floor)  # of the loss above the law's own floor
    gamma = law.fixed.get("gamma", profile.gamma)
    if "beta" in law.fixed:
        gamma = profile.beta * slope / law.fixed["beta"]
    alpha = profile.alpha * np.exp(profile.exponent_slope * doublings) * slope / gamma
    beta = profile.beta * slope / gamma
    params = profile.optimum * np.exp(profile.optimum_slope * doublings)
    tokens = REFERENCE_COMPUTE / 6 / params
    inner = (profile.E + falling - floor) ** (1 / gamma)
    share = beta / (alpha + beta)  # of the params term, where alpha * it = beta * the tokens term
    values = (
        floor,
        inner * share * params**alpha,
        inner * (1 - share) * tokens**beta,
        alpha,
        beta,
        gamma,
    )
    found = {name: float(f"{value:.{DIGITS}g}") for name, value in zip(COEFFICIENTS, values, strict=True)}
    return found | {name: value for name, value in OTHERS.items() if name in law.names}


def _drawn_profile(rng: np.random.Generator) -> Profile:
    """A transformer's profile, each quantity moved by some percent."""
    values = asdict(PROFILES["transformer"])
    spread = dict.fromkeys(values, 0.03) | {"optimum": 0.2, "gamma": 0.0}
    moved = {k: v * np.exp(spread[k] * (2 * rng.random() - 1)) for k, v in values.items()}
    return Profile(**moved)
