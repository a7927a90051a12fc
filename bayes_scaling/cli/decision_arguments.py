"""Options that the commands of decisions share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from bayes_scaling.cli.arguments import check_folder
from bayes_scaling.errors import DecisionError

Limits = Annotated[
    list[str] | None,
    typer.Option(
        "--limit",
        metavar="NAME=VALUE",
        help="params_at_least, params_at_most, tokens_at_most, unique_tokens; step_time_ms, tpot_ms, "
        "ttft_ms, memory=true (with probability, batch_size, prefill, generated); hours, money (with "
        "devices, flops_per_second, price_per_hour). Repeatable.",
    ),
]
Utility = Annotated[
    str,
    typer.Option(metavar="UTILITY", help="What of the loss is minimised: mean, quantile:0.9 or cvar:0.9."),
]
Latency = Annotated[
    Path | None, typer.Option("--latency", metavar="FILE", help="A saved latency fit, for limits of serving.")
]
Tolerance = Annotated[float, typer.Option(metavar="NATS", help="Regret that does not matter.")]
Confidence = Annotated[float, typer.Option(help="Probability of the flat region.")]
FigureFile = Annotated[
    Path | None, typer.Option("--figure", metavar="FILE", help="Draw it too (.png, .pdf, .svg).")
]
OwnFigure = Annotated[  # where -o meant the figure once
    Path | None,
    typer.Option("--figure", "--output", "-o", metavar="FILE", help="Draw it too (.png, .pdf, .svg)."),
]


def limits_of(values: list[str] | None) -> dict[str, Any]:
    """Limits from ``NAME=VALUE``.

    Raises
    ------
    DecisionError
        No such pair, one name twice, or a value that is no number.
    """
    found: dict[str, Any] = {}
    for text in values or ():
        name, sign, value = (part.strip() for part in text.partition("="))
        if not (name and sign and value):
            raise DecisionError(f"--limit {text!r}: give NAME=VALUE, such as params_at_most=7e9")
        if name in found:
            raise DecisionError(f"--limit names {name!r} twice; give one")
        found[name] = _value(text, value)
    return found


def _value(text: str, value: str) -> Any:
    if value.lower() in ("true", "false"):
        return value.lower() == "true"
    try:
        return float(value)
    except ValueError:
        raise DecisionError(f"--limit {text!r}: {value!r} is not a number") from None


def check_figure(path: Path | None) -> None:
    """Refuse a place where a figure cannot be written, before any work is done."""
    if path is not None:
        check_folder(path)
