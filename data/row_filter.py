"""Rows of a table by a condition on its columns, in a small part of pandas' query language.

The text is parsed and each of its nodes evaluated here: names are columns, and nothing in it can be called.
"""

from __future__ import annotations

import ast
import io
import operator
import re
import tokenize
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

import numpy as np
import pandas as pd

from bayes_scaling.errors import RunsError

EXAMPLE = "params > 1e8 and outlier == False"
LONGEST = 2000  # characters
_QUOTED = re.compile(r"`([^`]+)`")
_COMPARE: Mapping[type, Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_ARITHMETIC: Mapping[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_WORDS = {"&": "and", "|": "or"}


def rows_where(frame: pd.DataFrame, condition: str, also: Mapping[str, str] | None = None) -> np.ndarray:
    """The rows for which a condition holds.

    Parameters
    ----------
    frame : DataFrame
    condition : str
        Comparisons of columns, numbers and quoted text, joined by and, or, not; ``in`` and ``not in``
        lists; + - * /. A column whose name is no word stands in backticks.
    also : mapping of str to str, optional
        Further names to columns.

    Returns
    -------
    array of bool, shape (row,)

    Raises
    ------
    RunsError
        A text that is no condition, a name that is no column, text compared with numbers.

    Examples
    --------
    >>> frame = pd.DataFrame({"params": [1e7, 1e9], "outlier": [False, True]})
    >>> rows_where(frame, "params > 1e8 or not outlier")
    array([ True,  True])
    """
    quoted = {f"quoted_{i}_": name for i, name in enumerate(_QUOTED.findall(condition))}
    places = iter(quoted)
    text = _QUOTED.sub(lambda _: next(places), condition)
    try:
        if len(condition) > LONGEST:
            raise SyntaxError(f"more than {LONGEST} characters")
        tree = ast.parse(_in_words(text).strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError, tokenize.TokenError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else str(error.args[0] if error.args else error)
        raise RunsError(
            f"where {condition!r:.300} is no condition ({reason}). Remedy: such as {EXAMPLE!r}."
        ) from None
    value = _Condition(frame, condition, {**(also or {}), **quoted}).value(tree.body)
    held = np.asarray(value)
    if held.dtype != bool or held.shape != (len(frame),):
        raise RunsError(f"where {condition!r} is true or false of no row. Remedy: such as {EXAMPLE!r}.")
    return held


def _in_words(text: str) -> str:
    """& and | as the words that they mean, so that they bind as words do."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    named = [(tokenize.NAME, _WORDS[word]) if word in _WORDS else (kind, word) for kind, word, *_ in tokens]
    return tokenize.untokenize(named)


class _Condition:
    """A parsed condition, evaluated on the columns of a table."""

    def __init__(self, frame: pd.DataFrame, text: str, also: Mapping[str, str]) -> None:
        self._frame = frame
        self._text = text
        self._also = also

    def value(self, node: ast.expr) -> Any:
        """Of a node: a column, a value, or true and false for each row."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str | int | float | bool):
            return node.value
        if isinstance(node, ast.Name):
            return self._column(node.id)
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            return [self.value(item) for item in node.elts]
        if isinstance(node, ast.BoolOp):
            join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
            return join.reduce([self._truth(part) for part in node.values])
        if isinstance(node, ast.UnaryOp):
            return self._unary(node)
        if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
            return self._numbers(_ARITHMETIC[type(node.op)], self.value(node.left), self.value(node.right))
        if isinstance(node, ast.Compare):
            return self._comparison(node)
        raise self._wrong(f"{ast.unparse(node)!r} is not understood")

    def _unary(self, node: ast.UnaryOp) -> Any:
        if isinstance(node.op, ast.Not | ast.Invert):
            return ~self._truth(node.operand)
        sign = -1 if isinstance(node.op, ast.USub) else 1
        return self._numbers(operator.mul, sign, self.value(node.operand))

    def _truth(self, node: ast.expr) -> np.ndarray:
        """True or false for each row."""
        values = np.asarray(self.value(node))
        if values.dtype != bool:
            raise self._wrong(f"{ast.unparse(node)!r} is neither true nor false")
        return np.broadcast_to(values, (len(self._frame),))

    def _comparison(self, node: ast.Compare) -> np.ndarray:
        """All of a chain such as ``1e7 < params < 1e9``."""
        held = np.ones(len(self._frame), dtype=bool)
        left = self.value(node.left)
        for sign, right_node in zip(node.ops, node.comparators, strict=True):
            right = self.value(right_node)
            if isinstance(sign, ast.In | ast.NotIn):
                inside = self._inside(left, right)
                held &= inside if isinstance(sign, ast.In) else ~inside
            elif type(sign) in _COMPARE:
                self._alike(left, right)
                held &= np.asarray(_COMPARE[type(sign)](left, right), dtype=bool)
            else:
                raise self._wrong("is, and is not, are not understood")
            left = right
        return held

    def _inside(self, left: Any, right: Any) -> np.ndarray:
        if not isinstance(left, pd.Series) or not isinstance(right, list):
            raise self._wrong("in needs a column before it and a list behind it")
        for item in right:
            self._alike(left, item)
        return np.asarray(left.isin(right), dtype=bool)

    def _alike(self, left: Any, right: Any) -> None:
        """Refuse text beside numbers: they are never equal, and all rows or none would be left."""
        if isinstance(left, list) or isinstance(right, list) or _kind(left) != _kind(right):
            raise self._wrong(f"{_shown(left)} is compared with {_shown(right)}")

    def _numbers(self, function: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
        for part in (left, right):
            if isinstance(part, list) or _kind(part) != "numbers":
                raise self._wrong(f"{_shown(part)} is used in arithmetic")
        with np.errstate(all="ignore"):
            return function(left, right)

    def _column(self, name: str) -> pd.Series:
        column = self._also.get(name, name) if name not in self._frame else name
        if column not in self._frame:
            names = [*map(str, self._frame), *self._also]
            near = get_close_matches(name, names, n=1) or [
                n for n in names if n.casefold() == name.casefold()
            ]
            listed = f"the table has {', '.join(map(repr, names[:12]))}"
            hint = f"did you mean {near[0]!r}?" if near else listed
            raise self._wrong(f"no column {column!r}; {hint}; text stands in quotes")
        found = self._frame[column]
        return found if isinstance(found, pd.Series) else found.iloc[:, 0]

    def _wrong(self, reason: str) -> RunsError:
        return RunsError(f"where {self._text!r}: {reason}. Remedy: such as {EXAMPLE!r}.")


def _kind(value: Any) -> str:
    """What a column or value is compared with."""
    if isinstance(value, pd.Series):
        if value.dtype.kind == "b":
            return "true or false"
        return "numbers" if value.dtype.kind in "iuf" else "text"
    if isinstance(value, bool | np.bool_):
        return "true or false"
    return "text" if isinstance(value, str) else "numbers"


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return "a list"
    named = f"column {value.name!r}" if isinstance(value, pd.Series) else repr(value)
    return f"{named} ({_kind(value)})"
