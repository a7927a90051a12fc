"""The classical estimators' tables as people read them."""

from __future__ import annotations

import pandas as pd

from bayes_scaling.classical.envelope import EnvelopeFit
from bayes_scaling.classical.huber import HuberFit
from bayes_scaling.classical.isoflop import IsoflopFit
from bayes_scaling.printing.columns import column, groups, interval_column, text, wide
from bayes_scaling.printing.numbers import count, loss, plain, power
from bayes_scaling.printing.table import print_line, print_table

BOOTSTRAP = "95% bootstrap"


def print_isoflop(table: pd.DataFrame) -> None:
    """Minima of the parabolas."""
    print_table(
        [
            *groups(table),
            column(table, "compute (FLOPs)", "compute", power),
            column(table, "runs", "runs", str),
            column(table, "params", "params", count),
            interval_column(table, "params_", count, BOOTSTRAP, ("q025", "q975")),
            column(table, "loss (nats/token)", "params_loss", loss),
            column(table, "tokens", "tokens", count),
            interval_column(table, "tokens_", count, BOOTSTRAP, ("q025", "q975")),
        ]
    )
    for row in table[table["reason"] != ""].itertuples():
        where = f"{row.architecture}, context {row.context_length}, {power(float(str(row.compute)))} FLOPs"
        print_line(f"Note: {where}: {row.reason}")


def print_huber(table: pd.DataFrame) -> None:
    """Coefficients of the law."""
    print_table(
        [
            *groups(table),
            text(table, "coefficient", "coefficient"),
            column(table, "estimate", "estimate", plain),
            column(table, "bootstrap se", "se", plain),
            interval_column(table, "", plain, BOOTSTRAP, ("q025", "q975")),
            *wide(column(table, "objective", "objective", plain)),
            column(table, "runs", "runs", str),
        ]
    )
    print_line("params_exponent is beta / (alpha + beta), that of N* over compute at C = 6ND.")


def print_slopes(table: pd.DataFrame) -> None:
    """Lines of fixed tokens per param."""
    print_table(
        [
            *groups(table),
            column(table, "tokens/param", "tokens_per_param", count),
            column(table, "runs", "runs", str),
            column(table, "d ln loss / d ln compute", "slope", plain),
            column(table, "standard error", "slope_se", plain),
            interval_column(table, "slope_", plain, BOOTSTRAP, ("q025", "q975")),
        ]
    )


def print_points(table: pd.DataFrame) -> None:
    """Runs on the envelope."""
    print_table(
        [
            *groups(table),
            column(table, "compute (FLOPs)", "flops", power),
            column(table, "params", "params", count),
            column(table, "tokens", "tokens", count),
            column(table, "loss (nats/token)", "loss", loss),
        ]
    )


def print_frontier(table: pd.DataFrame) -> None:
    """Optima at any budgets."""
    columns = [*groups(table), column(table, "compute (FLOPs)", "compute", power)]
    for name, title, form in (("params", "params", count), ("tokens", "tokens", count)):
        columns += [
            column(table, title, f"{name}_estimate", form),
            interval_column(table, f"{name}_", form, BOOTSTRAP, ("q025", "q975")),
        ]
    columns.append(column(table, "loss (nats/token)", "loss_estimate", loss))
    print_table(columns)
    print_line(f"Estimator {table['estimator'].iloc[0]}, cost {table['cost'].iloc[0]}.")


def show_isoflop(found: IsoflopFit) -> None:
    """Minima of the parabolas of a fit."""
    print_isoflop(found.table())


def show_huber(found: HuberFit) -> None:
    """Coefficients of a fit."""
    print_huber(found.table())


def show_points(found: EnvelopeFit) -> None:
    """Runs on the envelope of a fit."""
    print_points(found.table())
