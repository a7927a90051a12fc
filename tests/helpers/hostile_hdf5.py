"""HDF5 files that mean harm: changes to a whole file, each by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import h5py
import numpy as np

Change = Callable[[h5py.File], object]


def external_link(file: h5py.File, target: Path) -> None:
    del file["posterior/E"]
    file["posterior/E"] = h5py.ExternalLink(str(target), "/x")


def extra_link(file: h5py.File, link: object) -> None:
    file["zzz"] = link


def hard_loop(file: h5py.File) -> None:
    file["posterior/loop"] = file["/"]


def external_storage(file: h5py.File, target: str, count: int) -> None:
    file["posterior"].create_dataset("leak", (count,), "f8", external=[(target, 0, 2**40)])


def virtual(file: h5py.File, target: Path) -> None:
    layout = h5py.VirtualLayout((4,), "f8")
    layout[:] = h5py.VirtualSource(str(target), "x", (4,))
    file["posterior"].create_virtual_dataset("virtual", layout)


def declared(file: h5py.File, count: int) -> None:
    scale(file, file["posterior"].create_dataset("huge", (count,), "f4", chunks=(1000,)))


def squeezed(file: h5py.File, count: int) -> None:
    array = file.create_group("bomb").create_dataset(
        "d", (count,), "i1", chunks=(2**22,), compression="gzip", compression_opts=9
    )
    zeros = np.zeros(2**22, "i1")
    for start in range(0, count, 2**22):
        array[start : start + 2**22] = zeros
    scale(file, array)


def scale(file: h5py.File, array: h5py.Dataset) -> None:
    array.make_scale(array.name.rsplit("/")[-1])
    array.attrs["_Netcdf4Dimid"] = np.int32(99)


def typed(file: h5py.File, dtype: object) -> None:
    scale(file, file["posterior"].create_dataset("odd", (2,), dtype))


def attribute(file: h5py.File, name: str, value: object) -> None:
    file.attrs[name] = value


def bad_text(file: h5py.File) -> None:
    file.attrs.create("kind", b"\xff\xfe\xfd", dtype=h5py.string_dtype("utf-8", 3))


def nested(file: h5py.File, depth: int) -> None:
    group = file["/"]
    for _ in range(depth):
        group = group.create_group("g")


def many(file: h5py.File, count: int) -> None:
    for number in range(count):
        file.create_group(f"g{number}")


def unknown_filter(file: h5py.File) -> None:
    file["posterior"].create_dataset(
        "plug", (10,), "f8", chunks=(10,), compression=32015, allow_unknown_filter=True
    )


def long_text(file: h5py.File, size: int) -> None:
    file["runs"].create_dataset("long", data="x" * size)


def changes(folder: Path) -> Mapping[str, Change]:
    """Every change by name; ``folder`` has ``other.h5`` and the pipe ``fifo``."""
    other, fifo = folder / "other.h5", folder / "fifo"
    return {
        "external link": partial(external_link, target=other),
        "external link besides": partial(extra_link, link=h5py.ExternalLink(str(other), "/x")),
        "external link to a pipe": partial(extra_link, link=h5py.ExternalLink(str(fifo), "/x")),
        "soft link to nowhere": partial(extra_link, link=h5py.SoftLink("/nowhere")),
        "soft link to the root": partial(extra_link, link=h5py.SoftLink("/")),
        "hard link to the root": hard_loop,
        "storage in a file": partial(external_storage, target=str(other), count=200),
        "storage in a pipe": partial(external_storage, target=str(fifo), count=200),
        "storage in a device": partial(external_storage, target="/dev/zero", count=10**9),
        "3.6 TiB declared": partial(declared, count=10**12),
        "2 GB declared": partial(declared, count=5 * 10**8),
        "zeros squeezed": partial(squeezed, count=2**29),
        "no dims": lambda file: file["posterior"].create_dataset("plain", data=np.ones((3, 4))),
        "references": partial(typed, dtype=h5py.ref_dtype),
        "reference attribute": lambda file: file["posterior"].attrs.update(r=file["posterior/E"].ref),
        "compound": partial(typed, dtype=np.dtype([("a", "f8"), ("b", "i4")])),
        "ragged": partial(typed, dtype=h5py.vlen_dtype("f8")),
        "enum": partial(typed, dtype=h5py.enum_dtype({"A": 1})),
        "JSON open": partial(attribute, name="spec", value="json:" + "[" * 60_000),
        "JSON deep": partial(attribute, name="x", value="json:" + "[1," * 20_000 + "1" + "]" * 20_000),
        "JSON long number": partial(attribute, name="x", value="json:" + "9" * 60_000),
        "kind an array": partial(attribute, name="kind", value=np.arange(5)),
        "kind opaque": partial(attribute, name="kind", value=np.void(b"\xff\xfe")),
        "kind no text": bad_text,
        "version superscript": partial(attribute, name="format_version", value="²"),
        "version long": partial(attribute, name="format_version", value="9" * 5000),
        "version zero": partial(attribute, name="format_version", value="0"),
        "version Arabic": partial(attribute, name="format_version", value="\u0661"),
        "virtual": partial(virtual, target=other),
        "deep groups": partial(nested, depth=400),
        "many groups": partial(many, count=5000),
        "group of dots": lambda file: file.create_group(".. "),
        "unknown filter": unknown_filter,
        "no space": lambda file: file["posterior"].create_dataset("empty", data=h5py.Empty("f8")),
        "long text": partial(long_text, size=200 * 2**20),
    }
