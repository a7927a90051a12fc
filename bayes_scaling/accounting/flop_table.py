"""Measured FLOPs per token at a grid of params and contexts, as a smooth increasing surface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy

from bayes_scaling.accounting.curves import LogCurve
from bayes_scaling.accounting.shapes import AccountingError, check_size

Array = Any
FINE = 33


@dataclass(frozen=True, eq=False)
class FlopTable:
    """Training FLOPs per token on a grid; made by `flop_table`.

    Attributes
    ----------
    params : array (n,)
        Increasing.
    context_length : array (m,)
        Increasing.
    flops_per_token : array (n, m)
    """

    params: np.ndarray
    context_length: np.ndarray
    flops_per_token: np.ndarray

    def curve(self, context_length: float) -> LogCurve:
        """ln f over ln N at one context: monotone cubics in ln T, then in ln N.

        Beyond the largest and smallest params it goes on in logs with the end slope.

        Raises
        ------
        AccountingError
            A context outside the table.
        """
        cubic = scipy.interpolate.PchipInterpolator(np.log(self.params), self._at_context(context_length))
        return LogCurve(cubic.x, np.asarray(cubic.c))

    def _at_context(self, context_length: float) -> np.ndarray:
        low = self.context_length[0]
        high = self.context_length[-1]
        if not low <= context_length <= high:
            raise AccountingError(
                f"context_length {context_length:g} lies outside the table of FLOPs ({low:g} to {high:g}): "
                "add rows for it"
            )
        values = np.log(self.flops_per_token)
        if low == high:
            return values[:, 0]
        over_contexts = scipy.interpolate.PchipInterpolator(np.log(self.context_length), values, axis=1)
        return np.asarray(over_contexts(np.log(context_length)))


def flop_table(params: Array, context_length: Array, flops_per_token: Array) -> FlopTable:
    """A table of training FLOPs per token from its rows, in any order.

    Parameters
    ----------
    params, context_length, flops_per_token : array (rows,)
        Every context needs every number of params.

    Raises
    ------
    AccountingError
        Rows that are not positive, repeated or missing; FLOPs that do not rise with params or fall with
        context, naming the rows.
    """
    columns = {"params": params, "context_length": context_length, "flops_per_token": flops_per_token}
    rows = {name: np.atleast_1d(np.asarray(column, dtype=float)) for name, column in columns.items()}
    if len({column.shape for column in rows.values()}) > 1:
        raise AccountingError("params, context_length and flops_per_token need as many rows as each other")
    for name, column in rows.items():
        check_size(name, column)
    n, i = np.unique(rows["params"], return_inverse=True)
    t, j = np.unique(rows["context_length"], return_inverse=True)
    if n.size < 2:
        raise AccountingError("a table of FLOPs needs two or more numbers of params")
    where = _row_numbers(n, t, i, j)
    table = FlopTable(n, t, rows["flops_per_token"][where])
    _check_rises(table, where)
    _check_between(table)
    return table


def _row_numbers(n: np.ndarray, t: np.ndarray, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    where = np.full((n.size, t.size), -1)
    for row, cell in enumerate(zip(i, j, strict=True)):
        if where[cell] >= 0:
            raise AccountingError(
                f"rows {where[cell]} and {row} are for the same params and context: keep one"
            )
        where[cell] = row
    if (where < 0).any():
        a, b = np.argwhere(where < 0)[0]
        raise AccountingError(f"no row for params {n[a]:g} at context_length {t[b]:g}: add it")
    return where


def _check_rises(table: FlopTable, where: np.ndarray) -> None:
    f = table.flops_per_token
    for step, problem, bad in (
        ((1, 0), "must rise with params", np.diff(f, axis=0) <= 0),
        ((0, 1), "must not fall with context_length", np.diff(f, axis=1) < 0),
    ):
        for here in map(tuple, np.argwhere(bad)):
            there = here[0] + step[0], here[1] + step[1]
            raise AccountingError(
                f"rows {where[here]} and {where[there]}: FLOPs per token {problem} "
                f"({f[here]:g}, then {f[there]:g})"
            )


def _check_between(table: FlopTable) -> None:
    """The interpolated surface must rise too, between rows as on them."""
    low, high = table.context_length[[0, -1]]
    contexts = np.clip(np.geomspace(low, high, FINE * table.context_length.size), low, high)
    log_params = np.log(np.geomspace(table.params[0], table.params[-1], FINE * table.params.size))
    surface = np.array([table.curve(context).value(np, log_params) for context in contexts])
    for axis in (0, 1):
        falls = np.diff(surface, axis=axis) < -1e-12
        if falls.any():
            a, b = np.argwhere(falls)[0]
            raise AccountingError(
                f"FLOPs per token would fall between rows, near params {np.exp(log_params[b]):.3g} at "
                f"context_length {contexts[a]:.4g}: add a row there"
            )
