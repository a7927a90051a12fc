"""From a question to the content of its page."""

from __future__ import annotations

from bayes_scaling.page import answer, choices, model, trust
from bayes_scaling.page.blocks import Page
from bayes_scaling.page.question import Question

SECTIONS = (
    answer.answer,
    choices.decision,
    choices.plan,
    choices.compute_frontier,
    choices.architectures,
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
    from bayes_scaling import __version__

    fit, status = question.fit, question.checks.status
    sections = tuple(section for make in SECTIONS if (section := make(question)) is not None)
    return Page(
        title=f"What to train with {question.budgets} FLOPs",
        lines=(
            f"Context length {question.contexts} tokens, cost {question.optima['cost'].iloc[0]}.",
            f"{fit}. Report of bayes_scaling {__version__}.",
        ),
        status=status,
        verdict=trust.verdict(status),
        sections=sections,
    )
