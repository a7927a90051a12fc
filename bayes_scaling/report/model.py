"""What the numbers rest on: priors, sensitivity, versions, sources."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from bayes_scaling import plots
from bayes_scaling.draws import summarise_draws
from bayes_scaling.posterior.citing import cite
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.posterior.sensitivity import FINE, THRESHOLD
from bayes_scaling.posterior.summary import summarise
from bayes_scaling.printing.columns import column, groups, interval_column, text
from bayes_scaling.printing.numbers import plain, power
from bayes_scaling.printing.table import Column
from bayes_scaling.report.blocks import Block, Code, Items, Section, Text, picture, table
from bayes_scaling.report.question import CONCLUSIONS, Question

KEYS = ["variable", "architecture", "context_length"]


def priors(question: Question) -> Section:
    """Prior beside posterior, and how far conclusions hang on it."""
    found = question.sensitive
    coefficients = _coefficients(question.fit, found)
    conclusions = _conclusions(found)
    told = f"{_moved(conclusions)} of {len(conclusions)} conclusions are sensitive to the prior"
    blocks: list[Block] = [
        *picture(
            "coefficients",
            "Prior density in grey and posterior densities of each coefficient of the law.",
            "Where posterior and prior look alike, the runs say little.",
            lambda: plots.plot_coefficients(question.fit),
        ),
        table("Sensitivity of the conclusions", _sensitivity_columns(conclusions)),
        Text(
            f"{told} (sensitivity of {THRESHOLD:g} or more). Sensitivity: how far the posterior of a "
            "quantity moves when the prior, or the likelihood, is raised to a power near one. "
            "Coefficients trade off along a ridge; ask about the conclusions first."
        ),
        table(
            "All coefficients: prior, posterior, sensitivity", _coefficient_columns(coefficients), folded=True
        ),
    ]
    return Section("Priors and sensitivity", tuple(blocks))


def sensitivity_line(question: Question) -> str:
    """How far the conclusions hang on the prior, in one sentence."""
    conclusions = _conclusions(question.sensitive)
    moved = _moved(conclusions)
    if not moved:
        return "No conclusion hangs on the prior."
    return (
        f"{moved} of {len(conclusions)} conclusions (optimal params, and the loss there, of each group and "
        "budget) would move with another prior: see Priors and sensitivity."
    )


def _moved(conclusions: pd.DataFrame) -> int:
    return int((conclusions["diagnosis"] != FINE).sum())


def _coefficients(fit: Fit, sensitive: pd.DataFrame) -> pd.DataFrame:
    """Each coefficient of each group: posterior, prior_* and sensitivities."""
    names = fit.law.names
    found = summarise(fit, names).merge(sensitive[[*KEYS, "prior", "likelihood", "diagnosis"]], on=KEYS)
    return found.merge(_prior_table(fit, names), on=KEYS, how="left")


def _prior_table(fit: Fit, names: tuple[str, ...]) -> pd.DataFrame:
    prior = fit.idata["prior"].to_dataset()
    parts = [summarise_draws(prior[name], "prior").reset_index().assign(variable=name) for name in names]
    found = pd.concat(parts, ignore_index=True)
    found["context_length"] = found["context_length"].astype("Int64")
    return found[[*KEYS, "prior_median", "prior_q05", "prior_q95"]]


def _coefficient_columns(found: pd.DataFrame) -> list[Column]:
    return [
        text(found, "coefficient", "variable"),
        *groups(found),
        column(found, "prior", "prior_median", plain),
        interval_column(found, "prior_", plain),
        column(found, "posterior", "median", plain),
        interval_column(found, "", plain),
        column(found, "sensitivity to prior", "prior", plain),
        column(found, "sensitivity to data", "likelihood", plain),
        text(found, "diagnosis", "diagnosis"),
    ]


def _conclusions(sensitive: pd.DataFrame) -> pd.DataFrame:
    found = sensitive[sensitive["variable"].isin(CONCLUSIONS.values())]
    return found.assign(compute=found["coefficient"].astype(float))


def _sensitivity_columns(found: pd.DataFrame) -> list[Column]:
    return [
        text(found, "conclusion", "variable"),
        *groups(found),
        column(found, "compute (FLOPs)", "compute", power),
        column(found, "sensitivity to prior", "prior", plain),
        column(found, "sensitivity to data", "likelihood", plain),
        text(found, "diagnosis", "diagnosis"),
    ]


def versions(question: Question) -> Section:
    """All that is needed to make the fit again."""
    fit = question.fit
    rows = {
        "made": f"{datetime.now(UTC):%Y-%m-%d}",
        "runs": f"{len(fit.runs)} from {fit.runs.source}",
        "data hash (SHA-256)": fit.runs.data_hash,
        "back end": fit.backend,
        **({"command": question.command} if question.command else {}),
        "seed": str(_attribute(fit, "seed", "not recorded")),
        "chains and draws": f"{fit.posterior.sizes['chain']} x {fit.posterior.sizes['draw']}",
        **{name: str(value) for name, value in _attribute(fit, "versions", {}).items()},
    }
    columns = [Column("what", tuple(rows), right=False), Column("value", tuple(rows.values()), right=False)]
    model = Code("Model specification", fit.spec.to_toml(), "toml")
    return Section("Versions and seed", (table("Made with", columns), model))


def _attribute(fit: Fit, name: str, otherwise: Any) -> Any:
    value = fit.idata.attrs.get(name)
    return otherwise if value is None else json.loads(value)


def citations(question: Question) -> Section:
    """What to cite."""
    bibtex = cite(question.fit)
    references = tuple(filter(None, map(_reference, re.split(r"\n\n(?=@)", bibtex))))
    return Section("Citations", (Items(references), Code("BibTeX", bibtex, "bibtex")))


def _reference(entry: str) -> str:
    """One entry in a line, with its address; empty for what has no author."""
    found = dict(re.findall(r"^\s*(\w+) = \{(.*)\},?$", entry, re.MULTILINE))
    if "author" not in found:
        return ""
    authors = [name.split(",")[0] for name in found["author"].split(" and ")]
    first = " and ".join(authors) if len(authors) < 3 else f"{authors[0]} et al."
    place = (
        f"https://doi.org/{found['doi']}"
        if "doi" in found
        else f"https://arxiv.org/abs/{found.get('eprint', '')}"
    )
    known = "doi" in found or "eprint" in found
    written = f"{first} ({found.get('year', 'no year')}). {found.get('title', '')}."
    line = re.sub(r"[{}]|\\[\"'`^~]|\\(?=_)", "", written)
    return f"{line} {place}" if known else line
