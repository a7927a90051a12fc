"""Reading pickles of tables without running what is in them.

A pickle can name any function and call it. Here only the names that rebuild pandas and NumPy values are
admitted, and stand-ins that the caller gives for a source's own record classes; all else is refused. So is
a state for a class, function or structured dtype: it would change pandas or NumPy for the whole process. What
is called checks its arguments (`bayes_scaling.data.rebuilding`). What hangs or crashes all the same is why
importers read pickles in a process of its own (`bayes_scaling.files.apart`).
"""

from __future__ import annotations

import importlib
import io
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from bayes_scaling.data.rebuilding import CHECKED, RefusedError, set_array, set_dtype
from bayes_scaling.errors import RunsError
from bayes_scaling.files.small import read_small

_ADMITTED = {
    "builtins": {"slice", "set", "frozenset", "complex", "bytearray"},
    "collections": {"OrderedDict", "defaultdict"},
    "datetime": {"datetime", "date", "timedelta", "timezone"},
    "numpy": {"ndarray", "dtype"},
    "numpy.core.multiarray": {"_reconstruct", "scalar"},
    "numpy._core.multiarray": {"_reconstruct", "scalar"},
    "numpy.core.numeric": {"_frombuffer"},
    "numpy._core.numeric": {"_frombuffer"},
    "pandas": {
        *("Categorical", "CategoricalDtype", "DataFrame", "Index", "MultiIndex", "RangeIndex", "Series"),
        "StringDtype",
    },
    "pandas._libs.arrays": {"__pyx_unpickle_NDArrayBacked"},
    "pandas._libs.internals": {"_unpickle_block"},
    "pandas._libs.missing": {"NA", "NAType"},
    "pandas.arrays": {"ArrowStringArray", "Categorical", "DatetimeArray", "StringArray", "TimedeltaArray"},
    "pandas.core.arrays.categorical": {"Categorical"},
    "pandas.core.arrays.datetimes": {"DatetimeArray"},
    "pandas.core.arrays.string_": {"StringArray"},
    "pandas.core.arrays.string_arrow": {"ArrowStringArray"},
    "pandas.core.dtypes.dtypes": {"CategoricalDtype"},
    "pandas.core.frame": {"DataFrame"},
    "pandas.core.indexes.base": {"Index", "_new_Index"},
    "pandas.core.indexes.multi": {"MultiIndex"},
    "pandas.core.indexes.range": {"RangeIndex"},
    "pandas.core.internals.blocks": {"new_block"},
    "pandas.core.internals.managers": {"BlockManager", "SingleBlockManager"},
    "pandas.core.series": {"Series"},
    "pyarrow.lib": {
        "type_for_alias",
        "chunked_array",
        "_restore_array",
        "large_string",
        "string",
        "py_buffer",
    },
}


# Made empty and given a state; made with arguments, they would work on whatever they are given.
_EMPTY = (pd.DataFrame, pd.Series, pd.Index, pd.Categorical, pd.api.extensions.ExtensionArray)
_FILLED = {"items": (dict,), "list": (list,), "set": (set,)}
LARGEST = 2**31  # bytes of a file


class _Unpickler(pickle._Unpickler):  # in Python, as only that one lets a state be looked at
    dispatch: ClassVar = dict(pickle._Unpickler.dispatch)

    def __init__(self, file: Any, path: Path, records: Mapping[str, type]) -> None:
        super().__init__(file)
        self._path = path
        self._records = records

    def find_class(self, module: str, name: str) -> Any:
        """An admitted name, a record's stand-in, or a refusal."""
        if name in self._records:
            return self._records[name]
        if name not in _ADMITTED.get(module, ()):
            raise self._refusal(f"asks for {module}.{name}")
        if (module, name) in CHECKED:
            return CHECKED[module, name]
        return getattr(importlib.import_module(module), name)

    def load_build(self) -> None:
        """Give a state to a value, and to nothing else; NumPy's are checked."""
        value, state = self.stack[-2:]  # type: ignore[attr-defined]
        if callable(value):
            raise self._refusal(f"sets attributes of {getattr(value, '__name__', value)}")
        own: Callable[..., None] | None = {np.ndarray: set_array}.get(type(value))
        own = set_dtype if isinstance(value, np.dtype) else own
        if own is None:
            super().load_build()  # type: ignore[misc]
            return
        self._checked(own, value, state)
        self.stack.pop()  # type: ignore[attr-defined]

    def load_reduce(self) -> None:
        """Call a function; a table's class is only ever called without arguments."""
        function, arguments = self.stack[-2:]  # type: ignore[attr-defined]
        self._require_empty(function, arguments)
        self._checked(super().load_reduce)  # type: ignore[misc]

    def load_newobj(self) -> None:
        """Make a value of a class; a table's without arguments."""
        self._require_empty(*self.stack[-2:])  # type: ignore[attr-defined]
        self._checked(super().load_newobj)  # type: ignore[misc]

    def load_newobj_ex(self) -> None:
        """As `load_newobj`; with names nothing is made."""
        raise self._refusal("makes a value with named arguments")

    def load_inst(self) -> None:
        """Of the first protocol, which tables do not use."""
        raise self._refusal("makes a value by an old instruction")

    def load_setitem(self) -> None:
        """Into a dict alone: an array's memory is its own."""
        self._require_kind(self.stack[-3], "items")  # type: ignore[attr-defined]
        super().load_setitem()  # type: ignore[misc]

    def load_setitems(self) -> None:
        """As `load_setitem`."""
        self._require_kind(self.metastack[-1][-1], "items")  # type: ignore[attr-defined]
        super().load_setitems()  # type: ignore[misc]

    def load_append(self) -> None:
        """To a list alone."""
        self._require_kind(self.stack[-2], "list")  # type: ignore[attr-defined]
        super().load_append()  # type: ignore[misc]

    def load_appends(self) -> None:
        """As `load_append`."""
        self._require_kind(self.metastack[-1][-1], "list")  # type: ignore[attr-defined]
        super().load_appends()  # type: ignore[misc]

    def load_additems(self) -> None:
        """To a set alone."""
        self._require_kind(self.metastack[-1][-1], "set")  # type: ignore[attr-defined]
        super().load_additems()  # type: ignore[misc]

    for _code, _load in {
        pickle.BUILD: load_build,
        pickle.REDUCE: load_reduce,
        pickle.NEWOBJ: load_newobj,
        pickle.NEWOBJ_EX: load_newobj_ex,
        pickle.INST: load_inst,
        pickle.OBJ: load_inst,
        pickle.SETITEM: load_setitem,
        pickle.SETITEMS: load_setitems,
        pickle.APPEND: load_append,
        pickle.APPENDS: load_appends,
        pickle.ADDITEMS: load_additems,
    }.items():
        dispatch[_code[0]] = _load  # type: ignore[assignment]

    def _checked(self, call: Callable[..., Any], *arguments: Any) -> None:
        try:
            call(*arguments)
        except RefusedError as error:
            raise self._refusal(str(error)) from None

    def _require_empty(self, function: Any, arguments: Any) -> None:
        if isinstance(function, type) and issubclass(function, _EMPTY) and arguments:
            raise self._refusal(f"makes a {function.__name__} with arguments")

    def _require_kind(self, value: Any, what: str) -> None:
        if not isinstance(value, _FILLED[what]):
            raise self._refusal(f"fills a {type(value).__name__}")

    def _refusal(self, what: str) -> RunsError:
        return RunsError(
            f"{self._path}: refused, the pickle {what}, which tables do not need. "
            "Remedy: get the file again from its source, or save it as .csv there."
        )


def load_pickle(path: Path, records: Mapping[str, type] | None = None) -> Any:
    """The content of a pickle of pandas, NumPy and plain values.

    Parameters
    ----------
    path : Path
    records : mapping of str to type, optional
        Stand-ins by class name, whatever module the pickle names: plain classes without behaviour.

    Raises
    ------
    RunsError
        The file is missing or damaged, or asks for any other name.
    """
    try:
        content = read_small(path, error=RunsError, limit=LARGEST)
        return _Unpickler(io.BytesIO(content), path, records or {}).load()
    except RunsError:
        raise
    except Exception as error:  # damaged pickles raise whatever they like
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise RunsError(f"{path}: cannot be read as a pickle ({reason}). Remedy: get it again.") from error
