"""The figure of docs/latency.md: times of the 2.7B models from the data sheet, kernels and few timings.

python benchmarks/latency_figure.py docs/images/latency_h200.png
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import pandas as pd

from bayes_scaling.errors import ConvergenceWarning
from bayes_scaling.latency import fit_latency, load_timings, prior_fit
from bayes_scaling.latency.stages import stage_rows
from bayes_scaling.plots.latency import plot_stages
from bayes_scaling.plots.style import save_figure
from benchmarks.latency_h200 import TIMINGS, few, settings

LARGEST = 2e9  # params above which a model is of the largest size
STAGES = ("data sheet", "kernels", "kernels and 12 timings of 160M")


def forecasts() -> pd.DataFrame:
    """Rows of the figure."""
    timings = load_timings(TIMINGS)
    small = few(timings)
    fits = {
        STAGES[0]: prior_fit(timings, settings("datasheet")),
        STAGES[1]: prior_fit(timings, settings("bench")),
        STAGES[2]: fit_latency(small, settings=settings("bench"), progress=False),
    }
    large = timings.frame["params"] > LARGEST
    parts = []
    for quantity in ("ttft_ms", "step_time_ms"):
        timed = timings.subset((large & timings.frame[quantity].notna()).to_numpy())
        parts += [stage_rows(fit, timed, name, quantity=quantity) for name, fit in fits.items()]
    return pd.concat(parts, ignore_index=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("figure", type=Path)
    warnings.simplefilter("ignore", ConvergenceWarning)
    save_figure(plot_stages(forecasts()), parser.parse_args().figure)
