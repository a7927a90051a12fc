"""The page about a fit: its content, and that it stands on its own."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

import bayes_scaling as bs
from bayes_scaling.calibration.backtest import Backtest
from bayes_scaling.calibration.scores import score
from bayes_scaling.errors import BayesScalingError, BudgetError, DecisionError
from bayes_scaling.posterior.checks import FAIL
from bayes_scaling.posterior.citing import cite
from bayes_scaling.printing.numbers import probability
from bayes_scaling.printing.views import LOST
from bayes_scaling.report.blocks import Card, Map, Picture, Section, Table
from bayes_scaling.report.html import render_html
from bayes_scaling.report.markdown import render_markdown
from bayes_scaling.report.model import _reference
from bayes_scaling.report.pictures import DARK, INK, PAPER, darkened, svg
from bayes_scaling.report.writing import make_page
from tests.helpers.command_line import assert_refused, run
from tests.helpers.fits import small_fit, small_simulation
from tests.helpers.pages import BUDGETS, small_page
from tests.helpers.serving import FakeServing
from tests.helpers.synthetic import synthetic_fit

SECTIONS = (
    *("What to train", "Decision and regret", "Compute-optimal frontier", "Architectures compared"),
    *("What the numbers mean", "Calibration", "Checks", "Data", "Priors and sensitivity"),
    *("Versions and seed", "Citations"),
)


class Outline(HTMLParser):
    """Headings in order, tags left open, addresses, alternative texts."""

    VOID = ("meta", "link", "img", "source", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.levels: list[int] = []
        self.addresses: list[tuple[str, str]] = []
        self.alts: list[str] = []
        self.ids: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag not in self.VOID:
            self.open.append(tag)
        if re.fullmatch(r"h[1-6]", tag):
            self.levels.append(int(tag[1]))
        self.ids += [found["id"]] if "id" in found else []
        self.alts += [found.get("alt", "")] if tag == "img" else []
        self.addresses += [(tag, found[k]) for k in ("href", "src", "srcset", "poster") if k in found]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page():
    return small_page()


@pytest.fixture(scope="module")
def html(page):
    return render_html(page)


def blocks(sections: tuple[Section, ...]):
    for section in sections:
        yield from section.blocks
        yield from blocks(section.parts)


def faults(text: str) -> list[str]:
    """What a page may not have."""
    outline = Outline(text)
    steps = np.diff([0, *outline.levels])
    outside = [a for tag, a in outline.addresses if not (a.startswith(("data:", "#")) or tag == "a")]
    links = [
        a
        for tag, a in outline.addresses
        if tag == "a" and not a.startswith(("#", "https://", "data:text/csv"))
    ]
    lost = [a for _, a in outline.addresses if a.startswith("#") and a[1:] not in outline.ids]
    return [
        *(["headings skip a level"] if (steps > 1).any() or outline.levels.count(1) != 1 else []),
        *(["an image says nothing"] if not all(len(alt) > 20 for alt in outline.alts) else []),
        *(f"needs {address}" for address in outside + links + lost),
        *(["scripts"] if "<script" in text else []),
        *(["styles from elsewhere"] if re.search(r"@import|url\(", text.split("</style>")[0]) else []),
    ]


def test_html_stands_on_its_own(html):
    outline = Outline(html)
    assert outline.open == [] and len(outline.alts) >= 5
    assert faults(html) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("<h2>", "<h4>", "headings"),
        ('alt="', 'alt="" title="', "an image"),
        ("</head>", '<link href="https://fonts.example/a.css"></head>', "https://fonts"),
        ('src="data:', 'src="figures/', "figures/"),
        ("</head>", "<script></script></head>", "scripts"),
        ('href="#checks"', 'href="#cheques"', "#cheques"),
    ],
)
def test_faults_are_seen(html, old, new, fault):
    broken = html.replace(old, new).replace("</h2>", "</h4>" if "h2" in old else "</h2>")
    assert any(fault in found for found in faults(broken))


def test_sections_stand_in_order(page):
    assert tuple(section.title for section in page.sections) == SECTIONS


def test_the_answer_is_the_decision(page):
    decided = bs.decide(small_fit(), BUDGETS, 8192).table(full=True).query("chosen")
    cards = [block for block in page.sections[0].blocks if isinstance(block, Card)]
    assert [card.title for card in cards] == ["6e19 FLOPs, context 8,192", "1e21 FLOPs, context 8,192"]
    for card, row in zip(cards, decided.to_dict("records"), strict=True):
        assert card.answer.startswith(f"Train {row['architecture']} with ")
        assert len(card.flags) == (row["extrapolation_decades"] > 0.005) + (row["lost_share"] > LOST)
    assert not cards[0].flags and "decades beyond" in cards[1].flags[0]


def test_response_intervals_hold_mean_intervals():
    page = make_page(synthetic_fit(), BUDGETS, [8192])  # of many draws
    for card in (block for block in page.sections[0].blocks if isinstance(block, Card)):
        mean, response = (
            next(v for k, v in card.facts if kind in k) for kind in ("mean int", "response int")
        )
        low, high = map(float, re.findall(r"\d\.\d+", mean)[1:])
        below, above = map(float, re.findall(r"\d\.\d+", response))
        assert below < low < high < above


def test_a_card_holds_the_rivals_of_its_budget(page):
    card = next(block for block in page.sections[0].blocks if isinstance(block, Card))
    names = [row[1] for row in card.rivals.rows]
    assert sorted(names) == ["transformer", "xlstm"] and names[0] in card.answer  # the best stands first
    response = dict(card.facts)["loss one run will show, 90% response interval"]
    assert card.rivals.rows[0][8] == response


def test_of_several_contexts_there_is_one_card_a_budget():
    page = make_page(small_fit(), BUDGETS)
    cards = [block for block in page.sections[0].blocks if isinstance(block, Card)]
    assert [card.title for card in cards] == ["6e19 FLOPs", "1e21 FLOPs"]
    for card in cards:
        assert [name for name, _ in card.facts] == ["context 2,048", "context 8,192"]
        assert len(card.rivals.rows) == 4


def test_hours_and_money_are_told_where_a_device_and_its_price_are():
    bill = {"flops_per_second": 1e14, "devices": 8, "price_per_hour": 2.5}
    page = make_page(small_fit(), 3.6e20, 8192, limits=bill)
    (card,) = (block for block in page.sections[0].blocks if isinstance(block, Card))
    facts = dict(card.facts)
    assert facts["training"] == "1.00K device hours: 5.21 days on 8 devices"
    assert facts["price of the training"] == "2.50K at 2.5 an hour"
    plain = make_page(small_fit(), 3.6e20, 8192)
    assert "training" not in dict(plain.sections[0].blocks[0].facts)


def test_numbers_can_be_taken_away(page, html):
    (found,) = (
        b for b in blocks(page.sections) if isinstance(b, Table) and b.caption.startswith("Compute-o")
    )
    read = pd.read_csv(StringIO(found.csv))
    wanted = bs.frontier(small_fit(), BUDGETS, 8192).table(full=True)
    np.testing.assert_allclose(read["params_median"], wanted["params_median"])
    assert base64.b64encode(found.csv.encode()).decode() in html
    assert html.count("data:text/csv") == sum(
        bool(b.csv) for b in blocks(page.sections) if isinstance(b, Table)
    )


def test_the_head_tells_of_the_prior_and_the_foot_of_the_command(page):
    assert any("conclusions" in line and "prior" in line for line in page.lines)
    told = make_page(small_fit(), 6e19, 8192, command="bayes-scaling report fit.nc")
    (versions,) = (section for section in told.sections if section.title == "Versions and seed")
    assert ("command", "bayes-scaling report fit.nc") in versions.blocks[0].rows
    (versions,) = (section for section in page.sections if section.title == "Versions and seed")
    assert "command" not in [row[0] for row in versions.blocks[0].rows]


def test_each_pair_stands_once(page):
    (pairs,) = (b for b in blocks(page.sections) if isinstance(b, Table) and b.caption.startswith("Pairs"))
    assert len(pairs.rows) == 2 and len({frozenset(row[:2]) for row in pairs.rows}) == 1


def test_map_names_the_likeliest_architecture(page):
    (found,) = (block for block in blocks(page.sections) if isinstance(block, Map))
    assert len(found.down) == 2 and len(found.cells) == 2 and len(found.across) == len(found.cells[0])
    table = bs.compare_map(small_fit(), [1e20]).table(full=True).set_index(["context_length", "architecture"])
    for down, row in zip(found.down, found.cells, strict=True):
        cell, here = row[found.across.index("1e20")], table.loc[int(down.replace(",", ""))]
        assert cell.winner == here["best_probability"].idxmax()
        assert cell.probability == probability(here["best_probability"].max())
    assert {cell.winner for row in found.cells for cell in row} <= {"transformer", "xlstm"}
    assert all(0 <= cell.strength <= 100 for row in found.cells for cell in row)
    assert found.cells[0][-1].outside and not all(cell.outside for cell in found.cells[0])


def test_failed_checks_are_told_at_once(page, html):
    assert page.status == FAIL  # sixty draws
    head = html[html.index("<header>") : html.index("</header>")]
    assert "no number of this page can be trusted" in head and "FAIL" in head


def test_markdown_says_the_same(page):
    text = render_markdown(page, "figures")
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    for section in page.sections:
        assert section.title in titles
        for part in section.parts:
            assert part.title in titles
    for block in blocks(page.sections):
        if isinstance(block, Picture):
            assert f"]({block.name and f'figures/{block.name}.png'})" in text
        if isinstance(block, Table):
            assert block.caption in text
        if isinstance(block, Card):
            assert block.answer in text and all(value in text for _, value in block.facts)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    tables = [block for block in blocks(page.sections) if isinstance(block, Table | Map)]
    tables += [block.rivals for block in blocks(page.sections) if isinstance(block, Card) and block.rivals]
    inside = sum(len(block.rows) if isinstance(block, Table) else len(block.down) for block in tables)
    assert len(rows) == inside + 2 * len(tables)


def test_files_are_whole(page, tmp_path, monkeypatch):
    monkeypatch.setattr("bayes_scaling.report.writing.make_page", lambda *_, **__: page)
    assert bs.write_report(small_fit(), tmp_path / "a.html") == tmp_path / "a.html"
    bs.write_report(small_fit(), tmp_path / "a.md")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-figures", "a.html", "a.md"]
    named = set(re.findall(r"a-figures/(\w+\.png)", (tmp_path / "a.md").read_text()))
    assert named == {path.name for path in (tmp_path / "a-figures").iterdir()}


def test_one_architecture_has_no_comparison():
    fit = small_fit()
    runs = fit.runs.subset((fit.runs.frame["architecture"] == "xlstm").to_numpy())
    kept = np.flatnonzero((fit.runs.frame["architecture"] == "xlstm").to_numpy())
    tree = fit.idata.map_over_datasets(lambda part: _one(part, kept))
    alone = make_page(replace(fit, runs=runs, idata=tree), BUDGETS, 8192)
    assert "Architectures compared" not in [section.title for section in alone.sections]


def _one(part, kept):  # type: ignore[no-untyped-def]
    if "architecture" in part.dims:
        part = part.sel(architecture=["xlstm"])
    return part.isel(run=kept) if "run" in part.dims else part


def test_plan_and_limits_are_shown(tmp_path):
    plan = tmp_path / "plan.toml"
    plan.write_text('[[scenario]]\nname = "small"\ncompute = 1e21\nlimits = { params_at_most = 1e9 }\n')
    limits = {"params_at_most": 5e8}
    page = make_page(small_fit(), 1e21, 8192, limits=limits, plan=plan, next_runs=1)
    assert "What to run next" in [section.title for section in page.sections]
    (section,) = (section for section in page.sections if section.title == "Plan")
    assert [part.title for part in section.parts] == ["Scenario small"]
    facts = dict(page.sections[0].blocks[0].facts)
    assert "params <= 5e+08" in facts["what limits it"]
    shown = [block.caption for block in blocks(page.sections) if isinstance(block, Table | Map)]
    assert sum("without limits" in caption for caption in shown) == 2
    assert sum("within limits" in caption for caption in shown) == 1


def kept_backtest(rng, runs=40):
    """Runs left out, the forecasts of which are as wide as they should be."""
    loss = small_fit().runs.frame["loss"].to_numpy()[:runs]
    centre = loss + 0.01 * rng.standard_normal(runs)
    scores = pd.DataFrame(score(centre + 0.01 * rng.standard_normal((500, runs)), loss))
    labels = {"by": "compute", "split": "compute <= 1e20", "forecaster": "model", "converged": True}
    return Backtest(scores.assign(**labels, loss=loss, decades=np.linspace(0, 1, runs)))


def test_backtest_is_shown_and_checked(rng):
    page = make_page(small_fit(), 6e19, 8192, backtest=kept_backtest(rng))
    (section,) = (section for section in page.sections if section.title == "Calibration")
    left_out = section.parts[1]
    assert [block.name for block in left_out.blocks if isinstance(block, Picture)] == ["backtest"]
    (pooled, by_distance) = (block for block in left_out.blocks if isinstance(block, Table))
    assert len(pooled.rows) == 1 and len(by_distance.rows) > 1
    (checks,) = (b for b in blocks(page.sections) if isinstance(b, Table) and b.caption.startswith("Checks"))
    assert "calibrated" in [row[0] for row in checks.rows]


def test_a_backtest_of_other_runs_is_refused(rng):
    other = kept_backtest(rng)
    other = replace(other, rows=other.rows.assign(loss=other.rows["loss"] + 0.1))
    with pytest.raises(BayesScalingError, match="40 of its 40 losses are not in"):
        make_page(small_fit(), 6e19, 8192, backtest=other)


def test_impossible_limits_are_told():
    limits = {"params_at_least": 1e11, "step_time_ms": 1.0}
    page = make_page(small_fit(), 1e21, 8192, limits=limits, latency=FakeServing())
    told = [block.text for block in page.sections[0].blocks]
    assert told == ["At 1e21 FLOPs and context 8,192 no run keeps to all limits; see what limits it."]
    (limited,) = (block for block in page.sections[1].blocks if isinstance(block, Table))
    assert limited.caption.startswith("What limits it")


def test_bad_questions_are_refused(tmp_path):
    file = small_fit().save(tmp_path / "fit.nc")
    assert_refused(run("report", file, "-o", tmp_path / "report.pdf"), ".html or .md")
    assert_refused(run("report", file, "-o", tmp_path / "none" / "report.html"), "no folder")
    assert_refused(run("report", file, "--compute", "much", "-o", tmp_path / "a.html"), "not a number")
    assert_refused(run("report", file, "--backtest", tmp_path, "-o", tmp_path / "a.html"), "no back-test")
    assert_refused(run("report", file, "--limit", "colour=1", "-o", tmp_path / "a.html"), "colour")
    assert [path.name for path in tmp_path.iterdir()] == ["fit.nc"]
    with pytest.raises(BudgetError):
        make_page(small_fit(), -1)
    with pytest.raises(DecisionError):
        make_page(small_fit(), plan=[])
    with pytest.raises(BayesScalingError, match="html"):
        bs.write_report(small_fit(), tmp_path / "report")


def test_command_asks_what_it_is_told_and_writes_the_page(tmp_path, monkeypatch, page):
    asked = {}

    def make(fit, compute, context_length, **more):
        asked.update(more, compute=compute, context_length=context_length)
        return page

    monkeypatch.setattr("bayes_scaling.cli.running.pages.make_page", make)
    file = small_fit().save(tmp_path / "fit.nc")
    options = (
        "--compute",
        "1e21",
        "--context-length",
        "8192",
        "--limit",
        "params_at_most=7e9",
        "--cost",
        "6ND",
    )
    result = run("report", file, *options, "-o", tmp_path / "r.html")
    assert result.exit_code == 1 and "checks failed" in result.stderr
    assert result.stdout.strip() == str(tmp_path / "r.html")
    assert (asked["compute"], asked["context_length"]) == ([1e21], [8192])
    assert asked["limits"] == {"params_at_most": 7e9} and asked["plan"] is None
    assert faults((tmp_path / "r.html").read_text()) == []
    told = json.loads(run("report", file, "-o", tmp_path / "r.html", "--json").stdout)
    assert told == [{"fit_status": FAIL, "file": str(tmp_path / "r.html")}]


def colours() -> dict[str, dict[str, str]]:
    """The page's colours by scheme and name."""
    style = files("bayes_scaling.report").joinpath("page.css").read_text()
    light, dark = re.findall(r":root \{(.*?)\}", style, re.DOTALL)[:2]
    named = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", text)) for text in (light, dark)]
    return {"light": named[0], "dark": named[1]}


def contrast(first: str, second: str) -> float:
    """WCAG 2: ratio of relative luminances."""
    linear = [np.array(to_rgb(c)) for c in (first, second)]
    bright = [np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) for c in linear]
    high, low = sorted((float(c @ [0.2126, 0.7152, 0.0722]) for c in bright), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read(scheme):
    colour = colours()[scheme]
    pairs = [(text, ground) for text in ("ink", "muted", "link") for ground in ("ground", "card")]
    pairs += [(status, f"{status}-ground") for status in ("pass", "review", "fail")]
    pairs += [("ink", f"series-{i}") for i in range(6)]
    weak = [(*pair, contrast(*(colour[name] for name in pair))) for pair in pairs]
    assert [found for found in weak if found[2] < 4.5] == []
    assert contrast("#000000", "#ffffff") == pytest.approx(21) and contrast("#777777", "#ffffff") < 4.5


def test_dark_figures_are_on_the_dark_ground():
    dark = colours()["dark"]
    assert (dark["ink"], dark["ground"]) == (INK, PAPER)
    assert contrast(INK, PAPER) > 4.5
    assert all(contrast(DARK[c], PAPER) > 3 for c in ("#0072b2", "#d55e00", "#009e73", "#8a8a8a"))


def test_dark_figures_have_no_black_left():
    from matplotlib.figure import Figure

    figure = Figure()
    ax = figure.subplots()
    ax.plot([0, 1], [0, 1], color="#0072B2")
    ax.set_title("title")
    light, dark = svg(figure), darkened(svg(figure))
    assert "#000000" in light and "#0072b2" in light.lower()
    assert "#000000" not in dark and "#0072b2" not in dark.lower() and DARK["#0072b2"] in dark
    assert dark.startswith(f'<svg fill="{INK}"')
    assert light == svg(figure)


def test_small_simulation_is_what_the_page_names(page):
    assert any(str(len(small_simulation().runs)) in line for line in page.lines)


def test_citations_are_read_without_tex():
    lines = [_reference(entry) for entry in re.split(r"\n\n(?=@)", cite())]
    assert lines[0].startswith("The bayes_scaling authors (")
    assert len(lines) > 20
    for line in lines:
        assert not re.search(r"[\\{}]", line)
    assert "\\" in cite()  # the control: the entries themselves are TeX
