"""What the figures of a study show, in the words of a caption."""

from __future__ import annotations

from collections.abc import Iterable

CAPTIONS = {
    "isoflop": "Loss against params at each budget that the runs were laid out on. Points: runs. Lines and "
    "bands: posterior median and 90% interval of the law, drift included.",
    "optima": "Compute-optimal params and tokens against compute. Lines and bands: posterior median and 90% "
    "interval. Points: minima of parabolas through the runs of one budget, with two bootstrap standard "
    "errors. Dashed: the power law through those minima.",
    "surface": "Loss over params and tokens at the context length with the most runs. Contours: posterior "
    "median in nats per token. Points: runs. Thick line and band: the compute-optimal path, with the 90% "
    "interval of its params.",
    "context": "Compute-optimal params and tokens against context length at fixed budgets. Lines and bands: "
    "posterior median and 90% interval. Points: minima of parabolas, with two bootstrap standard errors. "
    "The posterior's budgets are in each architecture's own FLOPs where known, the runs' in those spent.",
    "ratios": "Loss against compute at fixed tokens per param. Points: runs. Lines and bands: posterior "
    "median and 90% interval of the law. Dashed: straight lines in logs.",
    "comparison": "Probability that the first architecture has the lower loss, and the compute that the "
    "other needs for the same loss, as a multiple of the budget; each architecture at its own optimum. "
    "Bands: 90% intervals. Grey ground: beyond the runs of that context length.",
    "coefficients": "Coefficients of the law. Grey: prior. Lines: posterior, a colour for each architecture "
    "and a line style for each context length. Each density is scaled to a peak of one.",
    "residuals": "Loss of each run relative to its posterior prediction. Bands: 90% interval of a new run of "
    "the same design. Open points lie outside their own interval.",
}


def captions_text(names: Iterable[str], model: str, cost: str) -> str:
    """Markdown: a heading and a caption for each figure, and what all have in common."""
    parts = [f"## {name}\n\n{CAPTIONS[name]}\n" for name in names]
    common = f"Fit: {model}. Cost of training: {cost}. Intervals are central posterior intervals.\n"
    return "\n".join(["# Figures\n", common, *parts])
