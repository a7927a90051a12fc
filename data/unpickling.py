"""Reading pickles of tables without running what is in them.

A pickle can name any function and call it. Here only the names that rebuild pandas and NumPy values are
admitted, and stand-ins that the caller gives for a source's own record classes; all else is refused. So is
a state for a class, function or structured dtype: it would change pandas or NumPy for the whole process.
"""

from __future__ import annotations

import importlib
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pyarrow import lib

from bayes_scaling.errors import RunsError

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


def _dtype(spec: str, align: bool = False, copy: bool = True) -> Any:
    """A NumPy dtype of its own: the shared one must not be given a state."""
    return np.dtype(str(spec), copy=True)


def _arrow_array(data: Any) -> Any:
    """An Arrow array whose offsets are known to stay inside its buffers."""
    array = lib._restore_array(data)
    array.validate(full=True)
    return array


# In place of the names themselves: the same values, checked.
_CHECKED: Mapping[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "dtype"): _dtype,
    ("pyarrow.lib", "_restore_array"): _arrow_array,
}


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
        if (module, name) in _CHECKED:
            return _CHECKED[module, name]
        if module.startswith("numpy.core"):
            module = module.replace("numpy.core", "numpy._core", 1)  # its name since NumPy 2
        return getattr(importlib.import_module(module), name)

    def load_build(self) -> None:
        """Give a state to a value, and to nothing else."""
        value, state = self.stack[-2:]  # type: ignore[attr-defined]
        if callable(value):
            raise self._refusal(f"sets attributes of {getattr(value, '__name__', value)}")
        if type(value).__module__ == "numpy.dtypes" and _structured(value, state):
            raise self._refusal("has a structured dtype")
        super().load_build()  # type: ignore[misc]

    dispatch[pickle.BUILD[0]] = load_build  # type: ignore[assignment]

    def _refusal(self, what: str) -> RunsError:
        return RunsError(
            f"{self._path}: refused, the pickle {what}, which tables do not need. "
            "Remedy: get the file again from its source, or save it as .csv there."
        )


def _structured(dtype: Any, state: Any) -> bool:
    """Whether a dtype or its new state has fields, which could point outside the array."""
    return dtype.kind == "V" or any(part is not None for part in state[2:5])


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
        with path.open("rb") as file:
            return _Unpickler(file, path, records or {}).load()
    except RunsError:
        raise
    except Exception as error:  # damaged pickles raise whatever they like
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise RunsError(f"{path}: cannot be read as a pickle ({reason}). Remedy: get it again.") from error
