"""The BibTeX is whole and says what was used, and no more."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from bayes_scaling import __version__
from bayes_scaling.laws.law import LAWS as KNOWN_LAWS
from bayes_scaling.models.spec import ModelSpec
from bayes_scaling.posterior.citing import BACKENDS, DATA, LAWS, METHODS, cite, entries
from tests.helpers.synthetic import synthetic_fit

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def fit():
    return synthetic_fit(per_group=4, chains=2, draws=10)


def keys(text):
    return re.findall(r"^@\w+\{([^,]+),", text, flags=re.MULTILINE)


def test_entries_are_well_formed():
    stored = entries()
    for key, entry in stored.items():
        assert entry.startswith("@article{" + key + ",") and entry.endswith("}")
        assert entry.count("{") == entry.count("}")
        for name in ("title", "author", "year", "journal"):
            assert re.search(rf"^  {name} = \{{.+\}},?$", entry, flags=re.MULTILINE), (key, name)
        year = re.search(r"year = \{(\d{4})\}", entry).group(1)
        assert year in key
    assert len(set(stored.values())) == len(stored)


def test_every_key_named_in_the_code_is_stored():
    groups = [*LAWS.values(), *BACKENDS.values(), *DATA.values(), METHODS]
    assert {key for group in groups for key in group} <= set(entries())
    assert set(LAWS) == set(KNOWN_LAWS)


def test_everything_by_default():
    text = cite()
    assert keys(text) == ["bayes_scaling", *entries()]
    assert f"version = {{{__version__}}}" in text


def test_a_fit_cites_its_law_and_back_end_only(fit):
    found = keys(cite(fit))
    assert len(found) == len(set(found))
    assert {"busbridge2025distillation", "phan2019numpyro", "vehtari2021rhat"} <= set(found)
    assert not {"abrilpla2023pymc", "besiroglu2024replication", "beck2025xlstm"} & set(found)


def test_another_law_cites_other_work(fit):
    found = keys(cite(replace(fit, spec=ModelSpec(law="chinchilla"))))
    assert "besiroglu2024replication" in found and "busbridge2025distillation" not in found


def test_known_data_are_cited(fit):
    by_source = replace(fit, runs=replace(fit.runs, source="data/xlstm_runs.csv"))
    assert "beck2025xlstm" in keys(cite(by_source))
    frame = fit.runs.frame.assign(dataset="gadre_rpj")
    assert "gadre2024overtraining" in keys(cite(replace(fit, runs=replace(fit.runs, frame=frame))))


def told(pattern, text):
    """What a text tells by a pattern, each once, as it is read."""
    return {found.replace("\\_", "_").strip('{}"') for found in re.findall(pattern, text, re.MULTILINE)}


def disagreements(cff, bibtex):
    """The fields in which CITATION.cff and the entry of the package differ."""
    pairs = {
        "title": (r"^ *title: (.*)$", r"^  title = (.*),$"),
        "author": (r"^ *- name: (.*)$", r"^  author = (.*),$"),
        "year": (r"^ *year: (.*)$", r"^  year = (.*),$"),
        "version": (r"^ *version: (.*)$", r"^  version = (.*)$"),
    }
    return [name for name, (own, other) in pairs.items() if told(own, cff) != told(other, bibtex)]


def test_the_citation_file_the_page_and_the_command_agree():
    entry = cite().split("\n\n")[0]
    cff = (ROOT / "CITATION.cff").read_text()
    assert disagreements(cff, entry) == []
    assert disagreements(cff.replace("year: 2026", "year: 2025"), entry) == ["year"]
    assert disagreements(cff.replace("version: 0", "version: 1", 1), entry) == ["version"]
    assert entry in (ROOT / "docs" / "citing.md").read_text()
