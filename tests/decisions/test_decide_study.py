"""On simulated truths the Bayes action regrets no more than plug-in params, and knows its regret. Slow."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from bayes_scaling.classical import huber_fit
from bayes_scaling.data.run_tables import load_runs
from bayes_scaling.decisions.decide import decide
from bayes_scaling.errors import RunsWarning
from tests.helpers import design_study as world
from tests.helpers.synthetic import synthetic_fit

REPLICATES, RUNS = 200, 24
SANE = 30.0  # times fewer or more params than with 20 tokens each: nobody trains beyond


def one_truth(base, seed: int) -> dict[str, float]:  # type: ignore[no-untyped-def]
    """Realised regret of both, and where it lies among the regrets that were predicted."""
    rng = np.random.default_rng([seed, 5])
    z = world.CENTRE + world.PRIOR_SD * rng.standard_normal(len(world.NAMES))
    compute, factor = (
        np.geomspace(world.LEAST, world.MOST, RUNS),
        rng.permutation(np.geomspace(0.25, 4, RUNS)),
    )
    data = world.observe(z, *world.sizes(compute, factor), rng)
    found = decide(world.as_fit(base, world.sample(data, rng)), world.TARGET, 8192, "xlstm")
    predicted = found.draws["regret"].to_numpy().ravel()
    plug_in = point_estimate(data)
    realised = world.regret_at(z, found.table(full=True)["params"][0])
    sane = np.clip(plug_in, *world.sizes(world.TARGET, np.array([1 / SANE, SANE]))[0])  # NaN stays
    other = world.regret_at(z, sane) if np.isfinite(plug_in) else np.nan
    return {"bayes": realised, "huber": other, "rank": float((predicted < realised).mean())}


def point_estimate(data: world.Table) -> float:
    """Optimal params by the Huber fit of the same law; NaN where it finds no optimum."""
    columns = {"params": data.params, "tokens": data.tokens, "loss": np.exp(data.outcome)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RunsWarning)
        fitted = huber_fit(
            load_runs(pd.DataFrame(world.GROUP | columns)),
            law="gamma",
            starts=100,
            resamples=0,
            progress=False,
        )
    return float(fitted.frontier(world.TARGET)["params_estimate"].iloc[0])


@pytest.mark.slow
def test_the_bayes_action_regrets_less_than_the_plug_in_and_knows_its_regret() -> None:
    base = synthetic_fit(per_group=12, chains=world.CHAINS, draws=world.DRAWS)
    rows = pd.DataFrame([one_truth(base, seed) for seed in range(REPLICATES)])
    gap = (rows["huber"] - rows["bayes"]).dropna().to_numpy()
    assert len(gap) > 0.9 * len(rows)
    resampled = np.random.default_rng(0).choice(gap, (2000, len(gap))).mean(-1)
    low, high = np.quantile(resampled, (0.025, 0.975))
    print(f"mean regret {rows['bayes'].mean():.5f}, of Huber's {rows['huber'].mean():.5f}")
    print(f"saved {low:.5f} to {high:.5f} nats")
    for level in (0.5, 0.9):
        share = (rows["rank"] < level).mean()
        print(f"{share:.3f} of the realised regrets lie below their predicted {level:.0%} quantile")
        assert share == pytest.approx(level, abs=3 * np.sqrt(level * (1 - level) / len(rows)))
    assert low > 0
