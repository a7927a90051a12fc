"""Latency: the times of what is chosen, the chance that they keep to their limits, and why to believe it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pandas as pd

from bayes_scaling import plots
from bayes_scaling.decisions.decide import Decision
from bayes_scaling.decisions.limits import SERVED, Limits
from bayes_scaling.errors import LatencyError
from bayes_scaling.latency import LatencyFit
from bayes_scaling.latency.plausible import implausible
from bayes_scaling.latency.serving import fits_probability, probability_below
from bayes_scaling.latency.table import predict_table
from bayes_scaling.posterior.checks import FAIL
from bayes_scaling.printing.columns import Format, column, interval_column, range_column, text
from bayes_scaling.printing.numbers import count, plain, power, probability
from bayes_scaling.printing.table import Column
from bayes_scaling.printing.views import checks_columns
from bayes_scaling.report.blocks import Block, Items, Section, Text, picture, table
from bayes_scaling.report.question import Question
from bayes_scaling.report.trust import verdict

EVEN = 0.5
LEFT_OUT = (
    "These times were fitted, so this tells whether the model describes them, not whether it holds for a "
    "size that was never timed. To leave each size out and predict it: "
    "bayes-scaling latency backtest TIMINGS."
)


def latency(question: Question) -> Section | None:
    """What the latency fit says; None where there is none."""
    fit = question.latency_fit
    if fit is None:
        return None
    parts = (_fitted_times(fit), _device(fit), _checks(question), _timings(fit))
    return Section("Latency", tuple(_choices(question, fit)), parts)


def _choices(question: Question, fit: LatencyFit) -> list[Block]:
    """Times of what is chosen, and the limits they are under."""
    chosen = list(_chosen(question, fit))
    if not chosen:
        return [Text("Nothing that was timed is chosen at these budgets.", "note")]

    times = pd.DataFrame([row for row, _ in chosen]).drop_duplicates(ignore_index=True)
    asked = times[["architecture", "params", "batch_size", "prefill"]]
    times = times[["where", "compute"]].join(predict_table(fit, asked))
    limits = [row for one, wanted in chosen for row in _limits(fit, one, wanted)]
    blocks: list[Block] = [table("Times of what is chosen", _time_columns(times))]
    if limits:
        blocks.insert(0, table("Limits at what is chosen", _limit_columns(pd.DataFrame(limits))))
    else:
        blocks.append(Text("No limit of latency or memory was set: batch 1, prompts of the context.", "note"))
    blocks.append(
        Text(
            "Response intervals: where one measured time lies, given this model and these timings. P(met) is "
            "the share of the posterior's draws that keep to the limit; P(fits) that a batch of prompts and "
            f"its first tokens fit the memory. Device {fit.settings.device.name}, see below."
        )
    )
    return blocks + [Text(told, "warning") for told in (*_too_large(times), *_beyond(times))]


def _too_large(times: pd.DataFrame) -> Iterator[str]:
    """Choices that would not fit, for a limit of time alone lets them through."""
    for row in times[times["fits_probability"] < EVEN].to_dict("records"):
        yield (
            f"{row['architecture']} with {count(row['params'])} params fits one device at batch "
            f"{row['batch_size']:g} and prefill {row['prefill']:g} with probability "
            f"{probability(row['fits_probability'])} only; the limit memory=true would rule it out."
        )


def _beyond(times: pd.DataFrame) -> Iterator[str]:
    """Choices outside the timings."""
    outside = times[times["extrapolated"] != ""]
    if len(outside):
        what = ", ".join(sorted({name for names in outside["extrapolated"] for name in names.split(", ")}))
        yield (
            f"{len(outside)} of {len(times)} choices lie outside the timings ({what}); their times rest on "
            "the model."
        )


def _chosen(question: Question, fit: LatencyFit) -> Iterator[tuple[dict[str, Any], Limits]]:
    """Each query of a choice with its limits: the question's first, then those of a plan's scenarios."""
    asked: list[tuple[str, Decision, Limits]] = [("these budgets", question.decision, question.limits)]
    if question.plan is not None:
        scenarios = question.plan.scenarios
        asked += [(name, found, scenarios[name].limits) for name, found in question.plan.decisions.items()]
    for where, found, wanted in asked:
        for row in found.table(full=True).query("chosen").to_dict("records"):
            if not _timed(fit, str(row["architecture"])):
                continue
            prefill = wanted.prefill if wanted.served else row["context_length"]
            batch = {"batch_size": float(wanted.batch_size), "prefill": float(prefill)}
            kept = {name: row[name] for name in ("architecture", "params", "compute")}
            yield {"where": where, **kept, **batch}, wanted


def _timed(fit: LatencyFit, architecture: str) -> bool:
    try:
        fit.label(architecture)
    except LatencyError:
        return False
    return True


def _limits(fit: LatencyFit, row: dict[str, Any], wanted: Limits) -> Iterator[dict[str, Any]]:
    """How sure each limit of serving is met by a choice."""
    asked = {name: row[name] for name in ("architecture", "params", "batch_size", "prefill")}
    for name in SERVED:
        if name not in wanted.served:
            continue
        if name == "memory":
            met = fits_probability(fit, **asked)
        else:
            limit = float(getattr(wanted, name))
            met = probability_below(fit, quantity=name, limit=limit, generated=wanted.generated, **asked)
        yield {**row, "limit": wanted.shown(name), "met": float(met), "wanted": wanted.probability}


def _where_columns(rows: pd.DataFrame) -> list[Column]:
    return [
        text(rows, "asked by", "where"),
        column(rows, "compute", "compute", power),
        text(rows, "train", "architecture"),
        column(rows, "params", "params", count),
    ]


def _limit_columns(rows: pd.DataFrame) -> list[Column]:
    return [
        *_where_columns(rows),
        text(rows, "limit", "limit"),
        column(rows, "P(met)", "met", _chance),
        column(rows, "wanted", "wanted", "{:g}".format),
    ]


def _time_columns(rows: pd.DataFrame) -> list[Column]:
    return [
        *_where_columns(rows),
        column(rows, "batch", "batch_size", "{:g}".format),
        column(rows, "prefill (tokens)", "prefill", "{:g}".format),
        column(rows, "P(fits)", "fits_probability", _chance),
        column(rows, "first token (ms)", "ttft_ms_median", plain),
        interval_column(rows, "ttft_ms_", plain),
        column(rows, "step (ms)", "step_time_ms_median", plain),
        interval_column(rows, "step_time_ms_", plain),
        text(rows, "outside the timings", "extrapolated"),
    ]


def _fitted_times(fit: LatencyFit) -> Section:
    """Measured against predicted."""
    times = plots.timing_table(fit)
    share = times["inside"].mean()
    blocks: list[Block] = [
        Text(f"{share:.0%} of the {len(times)} fitted times lie in their 90% response intervals. {LEFT_OUT}"),
        table("Fitted times inside their 90% response interval", _coverage_columns(times)),
        *picture(
            "timings",
            f"Times in percent above or below their prediction against the prediction; {share:.0%} lie in "
            "the 90% interval.",
            "Each measured time against its prediction; the band is the 90% response interval.",
            lambda: plots.plot_timings(times),
        ),
    ]
    return Section("Measured against predicted", tuple(blocks))


def _coverage_columns(times: pd.DataFrame) -> list[Column]:
    found = times.assign(size=times["residual"].abs()).groupby(["architecture", "quantity"])
    rows = found.agg(inside=("inside", "sum"), of=("inside", "size"), error=("size", "median")).reset_index()
    rows = rows.assign(share=rows["inside"] / rows["of"], named=rows["quantity"].map(plots.TIME_TITLES))
    return [
        text(rows, "architecture", "architecture"),
        text(rows, "quantity", "named"),
        column(rows, "inside 90%", "inside", str),
        column(rows, "of", "of", str),
        column(rows, "share", "share", "{:.0%}".format),
        column(rows, "median error", "error", "{:.1f}%".format),
    ]


def _device(fit: LatencyFit) -> Section:
    """The device, where its constants and the priors are from, and how to fit again."""
    device = fit.settings.device
    sizes = fit.posterior.sizes
    rows = {
        "device": device.name,
        f"peak, {device.dtype} (FLOP/s)": power(device.flops_per_second),
        "peak bandwidth (bytes/s)": power(device.bytes_per_second),
        "memory (bytes)": power(device.memory_bytes),
        "units (SMs or cores)": f"{device.units:g}",
        "constants from": device.source,
        "priors from": fit.settings.prior_source,
        "timings": f"{len(fit.timings)} queries from {fit.timings.source}",
        "data hash (SHA-256)": fit.timings.data_hash,
        "back end": fit.backend,
        "seed": str(fit.idata.attrs.get("seed", "not recorded")),
        "chains and draws": f"{sizes['chain']} x {sizes['draw']}",
        **{name: str(value) for name, value in json.loads(fit.idata.attrs.get("versions", "{}")).items()},
    }
    columns = [Column("what", tuple(rows), right=False), Column("value", tuple(rows.values()), right=False)]
    told = (
        "Efficiencies are relative to these constants. Where the timings are of another device they are "
        "scales that absorb the difference, and the times hold for the device that was timed."
    )
    return Section("Device and origin", (table("Device, timings and fit", columns), Text(told)))


def _checks(question: Question) -> Section:
    found = question.latency_checks
    status = Text(verdict(found.status), "warning" if found.status == FAIL else "plain")
    rows = table("Checks of the latency fit", checks_columns(found.table()))
    return Section("Convergence and checks of latency", (status, rows))


def _timings(fit: LatencyFit) -> Section:
    """The timings, and what is odd about them."""
    frame = fit.timings.frame
    odd = implausible(frame, fit.timings.shapes())
    told: Block = Items(tuple(odd)) if odd else Text("Nothing odd was found in the timings.")
    return Section("Timings", (table("What was timed", _timings_columns(frame)), told))


def _timings_columns(frame: pd.DataFrame) -> list[Column]:
    ranges: dict[str, Format] = {"params": count, "batch_size": "{:g}".format, "prefill": "{:g}".format}
    ranges |= {"ttft_ms": plain, "step_time_ms": plain}
    titles = {"batch_size": "batch", "prefill": "prefill (tokens)", "ttft_ms": "first token (ms)"}
    titles |= {"step_time_ms": "step (ms)"}
    ends = {f"{name}_{end}": (name, end) for name in ranges for end in ("min", "max")}
    measured = frame["measured"].astype("boolean")
    lost = frame.assign(lost=~measured.fillna(True)).groupby("architecture")
    rows = lost.agg(
        n=("params", "size"), sizes=("params", "nunique"), lost=("lost", "sum"), **ends
    ).reset_index()
    return [
        text(rows, "architecture", "architecture"),
        column(rows, "queries", "n", str),
        column(rows, "sizes", "sizes", str),
        column(rows, "out of memory", "lost", str),
        *(range_column(rows, name, titles.get(name, name), form) for name, form in ranges.items()),
    ]


def _chance(value: float) -> str:
    return probability(value) if value == value else "-"
