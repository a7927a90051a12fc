"""The parts of docs/model.md that come out of the code: the graph, the table of priors, the constants.

    python benchmarks/model_page.py [--page docs/model.md]

Each stands between two marks, ``<!-- graph -->`` and ``<!-- end of graph -->``, and is replaced.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pymc as pm
from scipy import stats

import bayes_scaling as bs
from bayes_scaling.laws.drift import EDGE, FINER, KNOTS, STEP
from bayes_scaling.models.hierarchy import ALONG_CONTEXT, DEVIATION, LOG_SPREAD, SLOPE_SHARED, center
from bayes_scaling.models.misfit import OFFSET
from bayes_scaling.models.priors import DEFAULT_PRIORS, LAW_PRIORS, Prior
from bayes_scaling.models.unit_priors import UNIT_PRIORS, in_unit

sys.path.insert(0, str(Path(__file__).parents[1]))  # so that the file runs as a script too

from benchmarks.marked_page import replaced

PAGE = Path(__file__).parents[1] / "docs" / "model.md"
NINETY = stats.norm.ppf([0.05, 0.95])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", type=Path, default=PAGE)
    page = parser.parse_args().page
    text = page.read_text(encoding="utf-8")
    for name, part in (("graph", graph()), ("priors", priors()), ("constants", constants())):
        text = replaced(text, name, part)
    page.write_text(text, encoding="utf-8")


def graph() -> str:
    """The default model of the runs that ship, as a Mermaid block."""
    model = bs.models.plain_model(bs.load_runs("simulated"))
    return f"```mermaid\n{pm.model_to_mermaid(model, include_dim_lengths=False).strip()}\n```"


def priors() -> str:
    """Every prior with its source."""
    known = [(prior, "") for prior in DEFAULT_PRIORS]
    known += [(prior, f" ({law})") for law, own in LAW_PRIORS.items() for prior in own]
    known += [(prior, f" ({unit})") for unit in UNIT_PRIORS for prior in _of_unit(unit)]
    rows = [
        {
            "prior": f"`{prior.name}`{law}",
            "median": f"{prior.median:g}",
            "unit": prior.unit,
            "sd": f"{prior.scale:g} of the {_scale(prior)}",
            "90% interval": _interval(prior),
            "between architectures": f"{prior.group_scale:g}" if prior.group_scale else "",
            "source": prior.reason,
        }
        for prior, law in known
    ]
    return pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True)


def _of_unit(unit: str) -> list[Prior]:
    """The priors that losses in a unit have of their own."""
    spec = in_unit(None, unit)
    reason = "The same in this unit; see `bayes_scaling.models.unit_priors`."
    words = unit.replace("/", " per ")
    return [replace(spec.prior(name), unit=words, reason=reason) for name in UNIT_PRIORS[unit]]


def _scale(prior: Prior) -> str:
    return "value" if prior.transform == "identity" else prior.transform


def _interval(prior: Prior) -> str:
    inner = center(prior) + prior.scale * NINETY
    back = {"log": np.exp, "logit": lambda x: 1 / (1 + np.exp(-x)), "identity": lambda x: x}
    low, high = back[prior.transform](inner)
    return f"{low:.2g} to {high:.2g}"


def constants() -> str:
    """What is fixed in the hierarchy, the drift and the offsets."""
    rows = [
        ("sd of the log of a scale", LOG_SPREAD, "hierarchy.LOG_SPREAD"),
        ("scale with context length over the other one", ALONG_CONTEXT, "hierarchy.ALONG_CONTEXT"),
        ("part of the slopes' variance common to architectures", SLOPE_SHARED, "hierarchy.SLOPE_SHARED"),
        ("sd of a deviation over the scale with context length", DEVIATION, "hierarchy.DEVIATION"),
        ("between the knots of a walk, e-folds", STEP, "drift.STEP"),
        ("knots on each side of a walk, at most", KNOTS, "drift.KNOTS"),
        ("turn beyond the edge of the runs, per root e-fold", EDGE, "drift.EDGE"),
        ("knots beyond an edge are so many times as close", FINER, "drift.FINER"),
        ("sd of an offset, of ln L", OFFSET, "misfit.OFFSET"),
    ]  # fmt: skip
    told = [(what, f"{value:g}", f"`{where}`") for what, value, where in rows]
    table = pd.DataFrame(told, columns=["what", "value", "where"])
    return table.to_markdown(index=False, disable_numparse=True)


if __name__ == "__main__":
    main()
