"""From a question to the content of its page."""

from __future__ import annotations

from bayes_scaling import __version__
from bayes_scaling.faces.loss_unit import unit_of
from bayes_scaling.posterior.fit import Fit
from bayes_scaling.report import answer, choices, model, serving, trust
from bayes_scaling.report.blocks import Page
from bayes_scaling.report.question import Question

SECTIONS = (
    answer.answer,
    choices.decision,
    choices.plan,
    choices.compute_frontier,
    choices.architectures,
    serving.latency,
    choices.next_runs,
    answer.meanings,
    trust.calibration,
    trust.checks,
    trust.data,
    model.priors,
    model.versions,
    model.citations,
)


def gather(question: Question) -> Page:
    """All sections that apply, the answer first.

    Parameters
    ----------
    question : Question

    Returns
    -------
    Page
        Text, tables and undrawn figures; nothing of any format.
    """
    fit = question.fit
    status = question.status
    sections = tuple(section for make in SECTIONS if (section := make(question)) is not None)
    return Page(
        title=f"What to train with {question.budgets} FLOPs",
        lines=(
            f"Context length {question.contexts} tokens. Cost {question.optima['cost'].iloc[0]}. Losses "
            "and regrets in nats per token.",
            *_timed(question),
            model.sensitivity_line(question),
            f"{_described(fit)} Report of bayes_scaling {__version__}.",
        ),
        status=status,
        verdict=trust.verdict(status),
        sections=sections,
        loss_unit=unit_of(fit),
    )


def _timed(question: Question) -> tuple[str, ...]:
    """A latency fit in a sentence, where there is one."""
    timed = question.latency_fit
    if timed is None:
        return ()
    names = " and ".join(timed.architectures)
    return (f"Latency from {len(timed.timings)} timings of {names}, device {timed.settings.device.name}.",)


def _described(fit: Fit) -> str:
    """A fit in a sentence."""
    drift = " with drift" if fit.spec.discrepancy == "drift" else ""
    size = fit.posterior.sizes["chain"] * fit.posterior.sizes["draw"]
    names = " and ".join(fit.architectures)
    return f"{size:,} posterior draws of the law {fit.law.name}{drift}, from {len(fit.runs)} runs of {names}."
