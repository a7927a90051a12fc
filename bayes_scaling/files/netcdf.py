"""DataTrees to NetCDF and back without loss, and a digest of their content."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Mapping
from typing import Any, Literal

import h5py
import numpy as np
import xarray as xr

_MARK = "json:"  # an attribute NetCDF cannot hold, written as JSON text
_ENGINE: Literal["h5netcdf"] = "h5netcdf"
_NUMBERS = "biuf"  # dtype kinds; all else is text


def tree_to_bytes(tree: xr.DataTree) -> bytes:
    """A file of all groups, exactly: no packing, no fill values, attributes of any JSON kind.

    It is made in memory: HDF5 does not survive a disk that becomes full.
    """
    plain = _converted(tree, encode_attribute, _text_as_objects)
    encoding: dict[str, Any] = {
        node.path: {str(name): {"_FillValue": None} for name in node.variables} for node in plain.subtree
    }
    image = io.BytesIO()
    plain.to_netcdf(image, engine=_ENGINE, encoding=encoding)
    return image.getvalue()


def tree_from_bytes(content: bytes) -> xr.DataTree:
    """All groups of a file, in memory."""
    with h5py.File(io.BytesIO(content)) as file:  # where the root is broken, h5netcdf fails half open
        file.attrs.get("_nc3_strict")
    image = io.BytesIO(content)
    with xr.open_datatree(image, engine=_ENGINE, decode_times=False, mask_and_scale=False) as tree:
        return _converted(tree.load(), decode_attribute, _text_as_unicode)


def content_digest(tree: xr.DataTree) -> str:
    """sha256 over names, dims, types, values and attributes of every group; hex."""
    digest = hashlib.sha256()
    for node in sorted(tree.subtree, key=lambda node: node.path):
        dataset = node.to_dataset(inherit=False)
        digest.update(_line(node.path, _sorted_attributes(dataset.attrs)))
        for name in sorted(map(str, dataset.variables)):
            _add_variable(digest, name, dataset.variables[name])
    return digest.hexdigest()


def _add_variable(digest: Any, name: str, variable: xr.Variable) -> None:
    values = np.asarray(variable.values)
    if values.dtype.kind in _NUMBERS:
        content = np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
        kind = values.dtype.newbyteorder("<").str
    else:  # text, whatever its type in memory
        content = json.dumps(values.astype(str).tolist()).encode()
        kind = "text"
    digest.update(_line(name, variable.dims, values.shape, kind, _sorted_attributes(variable.attrs)))
    digest.update(content)


def _sorted_attributes(attributes: Any) -> list[list[Any]]:
    return [[str(name), encode_attribute(attributes[name])] for name in sorted(attributes, key=str)]


def _line(*parts: Any) -> bytes:
    return json.dumps(parts).encode() + b"\n"


def encode_attribute(value: Any) -> str | int | float:
    """A value that NetCDF can hold: text, 64-bit integers and floats as they are, else JSON text."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str) and not value.startswith(_MARK):
        return value
    if isinstance(value, float) or (type(value) is int and -(2**63) <= value < 2**63):
        return value
    return _MARK + json.dumps(value.tolist() if isinstance(value, np.ndarray) else value)


def decode_attribute(value: Any) -> Any:
    """The value before `encode_attribute`."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str) and value.startswith(_MARK):
        return json.loads(value.removeprefix(_MARK))
    return value


def _converted(tree: xr.DataTree, attribute: Callable[..., Any], text: Callable[..., Any]) -> xr.DataTree:
    """The tree with every attribute and every text array converted, and no encodings."""
    groups = {node.path: node.to_dataset(inherit=False) for node in tree.subtree}
    return xr.DataTree.from_dict({path: _dataset(group, attribute, text) for path, group in groups.items()})


def _dataset(dataset: xr.Dataset, attribute: Callable[..., Any], text: Callable[..., Any]) -> xr.Dataset:
    variables = {}
    for name, variable in dataset.variables.items():
        values = variable.values if variable.dtype.kind in _NUMBERS else text(variable.values)
        variables[name] = xr.Variable(variable.dims, values, _each(attribute, variable.attrs))
    coords = {name: variables.pop(name) for name in dataset.coords}
    return xr.Dataset(variables, coords, _each(attribute, dataset.attrs))


def _each(attribute: Callable[..., Any], attributes: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name): attribute(value) for name, value in attributes.items()}


def _text_as_objects(values: np.ndarray) -> np.ndarray:
    """NumPy, pandas and object strings alike as plain strings, which HDF5 stores at full length."""
    return values.astype(str).astype(object)


def _text_as_unicode(values: np.ndarray) -> np.ndarray:
    return values.astype(str)
