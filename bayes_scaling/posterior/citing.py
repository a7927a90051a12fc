"""What to cite: BibTeX for the laws, the data and the methods behind a result."""

from __future__ import annotations

import re
from importlib.resources import files

from bayes_scaling import __version__
from bayes_scaling.posterior.posterior import Posterior

LAWS = {
    "chinchilla": ("hoffmann2022chinchilla", "besiroglu2024replication"),
    "gamma": ("hoffmann2022chinchilla", "busbridge2025distillation"),
    "kaplan": ("kaplan2020scaling",),
    "varying-exponent": ("hoffmann2022chinchilla", "li2025farseer"),
    "data-limited": ("hoffmann2022chinchilla", "muennighoff2023dataconstrained"),
    "overfitting": ("hoffmann2022chinchilla", "muennighoff2023dataconstrained", "lovelace2026prescriptive"),
    "mixture-of-experts": ("busbridge2025distillation", "clark2022routed"),
    "parallel": ("busbridge2025distillation", "chen2025parallel"),
    "mixture": ("yao2018stacking",),
}
BACKENDS = {"pymc": ("abrilpla2023pymc",), "numpyro": ("phan2019numpyro",)}
# By a word in the source of the runs or in their dataset column.
DATA = {
    "xlstm_runs": ("beck2025xlstm",),
    "epoch_chinchilla": ("hoffmann2022chinchilla", "besiroglu2024replication"),
    "xlstm-study": ("beck2025xlstm",),
    "gadre": ("gadre2024overtraining",),
    "gemstones": ("mcleish2025gemstones",),
    "olmo-ladder": ("bhagia2024ladders",),
}
YEAR = 2026  # of this version
METHODS = (
    "hoffman2014nuts",
    "martin2026arviz",
    "vehtari2021rhat",
    "betancourt2016energy",
    "vehtari2017loo",
    "vehtari2024psis",
    "kallioinen2024powerscaling",
)


def cite(fit: Posterior | None = None) -> str:
    """BibTeX entries of what a result rests on.

    Parameters
    ----------
    fit : Posterior, optional
        Cite what this fit used: its law, back end, known data set and the checks. All entries by
        default.

    Returns
    -------
    str
        BibTeX, this package first. Entries are apart by an empty line.

    Examples
    --------
    >>> print(cite().splitlines()[0])
    @software{bayes_scaling,
    """
    known = entries()
    keys = list(known) if fit is None else list(dict.fromkeys(_used(fit)))
    return "\n\n".join([_software(), *(known[key] for key in keys)]) + "\n"


def entries() -> dict[str, str]:
    """All stored BibTeX entries by key."""
    text = files("bayes_scaling").joinpath("citations.bib").read_text(encoding="utf-8")
    found = (entry.strip() for entry in re.split(r"\n(?=@)", text))
    return {entry[entry.index("{") + 1 : entry.index(",")]: entry for entry in found}


def _used(fit: Posterior) -> tuple[str, ...]:
    backend = BACKENDS.get(str(fit.backend), ())
    return (*LAWS.get(fit.spec.law, ()), *_data_keys(fit), *backend, *METHODS)


def _data_keys(fit: Posterior) -> list[str]:
    frame = fit.runs.frame
    names = frame["dataset"].astype(str).unique() if "dataset" in frame else ()
    text = " ".join([str(fit.runs.source), *names]).lower()
    return [key for word, keys in DATA.items() if word in text for key in keys]


def _software() -> str:
    return (
        "@software{bayes_scaling,\n"
        "  author = {{The bayes\\_scaling authors}},\n"
        "  title = {bayes\\_scaling: Bayesian scaling laws},\n"
        f"  year = {{{YEAR}}},\n"
        f"  version = {{{__version__}}}\n"
        "}"
    )
