"""Hostile pickles that work on pandas, and those that ask for too much or nest too deep."""

from __future__ import annotations

import struct
from pathlib import Path

from tests.helpers.pickle_machine import (
    addr,
    arr8,
    array,
    arrow,
    backed,
    begin,
    block,
    byte_array,
    called,
    dtype,
    from_buffer,
    index,
    listed,
    mapped,
    named,
    new_block,
    none,
    raw,
    series,
    several,
    span,
    table,
    text,
    whole,
)


def table_gadgets(place: Path) -> dict[str, bytes]:
    """Programs by name; those that look outside look into a folder."""
    more = {
        "NDArrayBacked state None then iloc": called(
            series, called(backed, named("pandas.arrays", "DatetimeArray"), whole(0), none)
        ),
        "NDArrayBacked on Index": called(backed, index, whole(0), none),
        "new_block placement beyond": called(
            new_block, arr8, span + several(whole(0), whole(10**6), whole(1)) + b"R", whole(1)
        ),
        "_unpickle_block odd": called(
            block, arr8, span + several(whole(0), whole(10**6), whole(1)) + b"R", whole(2)
        ),
        "BlockManager odd": called(
            named("pandas.core.internals.managers", "BlockManager"),
            several(called(block, arr8, span + several(whole(0), whole(10**6), whole(1)) + b"R", whole(2))),
            listed(called(index, listed(whole(1), whole(2))), called(index, listed(whole(1)))),
        ),
        "Series dtype dateutil path": called(
            series, listed(whole(0)), none, text(f"datetime64[ns, dateutil/{place}/secret]")
        ),
        "Series dtype dateutil FIFO": called(
            series, listed(whole(0)), none, text(f"datetime64[ns, dateutil/{place}/fifo]")
        ),
        "Series dtype zoneinfo traversal": called(
            series, listed(whole(0)), none, text("datetime64[ns, ../../../etc/passwd]")
        ),
        "DataFrame BUILD _mgr": called(table)
        + mapped(text("_typ"), text("dataframe"), text("_mgr"), text("x"), text("_metadata"), listed())
        + b"b",
        "DataFrame BUILD iloc": called(table)
        + mapped(text("_typ"), text("dataframe"), text("iloc"), table)
        + b"b",
        "Index BUILD attrs": called(index, listed(whole(1)))
        + several(none, mapped(text("__class__"), named("pandas", "MultiIndex")))
        + b"b",
        "NA BUILD (singleton)": named("pandas._libs.missing", "NA")
        + several(none, mapped(text("poked"), text("yes")))
        + b"b",
        "NA BUILD dict": named("pandas._libs.missing", "NA") + mapped(text("poked"), text("yes")) + b"b",
        "StringDtype BUILD": called(named("pandas", "StringDtype"))
        + mapped(text("storage"), whole(5))
        + b"b",
        "shared pyarrow string() BUILD": arrow("string")
        + several()
        + b"R"
        + mapped(text("poked"), text("x"))
        + b"b",
        "timezone BUILD": called(
            named("datetime", "timezone"), called(named("datetime", "timedelta"), whole(0))
        )
        + several(none, mapped(text("poked"), text("x")))
        + b"b",
        "setitem on class via SETITEM": table + text("x") + text("y") + b"s",
        "SETITEM on function": named("pandas.core.indexes.base", "_new_Index") + text("x") + text("y") + b"s",
        "APPENDS on class": table + b"(" + text("x") + b"e",
        "ADDITEMS on class": b"\x80\x04" + named("pandas", "DataFrame") + b"(" + text("x") + b"\x90",
        "NEWOBJ with instance": b"\x80\x02" + called(table) + b")\x81",
        "NEWOBJ_EX DataFrame copy kw": b"\x80\x04" + table + b")" + b"}\x92",
        "_new_Index(cls=ndarray)": called(
            named("pandas.core.indexes.base", "_new_Index"), array, mapped(text("data"), listed())
        ),
        "_new_Index(cls=DataFrame,data dict)": called(
            named("pandas.core.indexes.base", "_new_Index"),
            table,
            mapped(text("data"), mapped(text("a"), listed(whole(1)))),
        ),
        "defaultdict(DataFrame)": called(named("collections", "defaultdict"), table),
        # bombs
        "bytearray(10**11)": called(byte_array, whole(10**11)),
        "bytearray(4e9)": called(byte_array, whole(4 * 10**9)),
        "ndarray(1e11) i8": called(array, several(whole(10**11)), dtype("i8")),
        "ndarray 4e9 reconstruct": called(begin, array, several(whole(4 * 10**9)), raw(b"b")),
        "ndarray O 5e8": called(array, several(whole(5 * 10**8)), dtype("O")),
        "dtype U10**9": dtype("U500000000"),
        "RangeIndex DataFrame 1e9 x 1": called(
            table, whole(0), called(named("pandas", "RangeIndex"), whole(10**9)), listed(text("a"))
        ),
        "Series RangeIndex 3e9": called(series, called(named("pandas", "RangeIndex"), whole(3 * 10**9))),
        "set of RangeIndex 1e8": called(
            named("builtins", "frozenset"), called(named("pandas", "RangeIndex"), whole(10**8))
        ),
        "BINBYTES8 huge": b"\x80\x04\x8e" + struct.pack("<Q", 2**40) + b"a",
        "BINUNICODE8 huge": b"\x80\x04\x8d" + struct.pack("<Q", 2**62) + b"a",
        "FRAME huge": b"\x80\x04\x95" + struct.pack("<Q", 2**62) + b"N",
        "LONG4 huge": b"\x8b" + struct.pack("<i", 2**31 - 1) + b"a",
        "LONG4 neg": b"\x8b" + struct.pack("<i", -5) + b"a",
        "LONG text 5000 digits": b"L" + b"9" * 5000 + b"L\n",
        "INT text": b"I" + b"9" * 5000 + b"\n",
        "LONG_BINPUT": b"N" + b"r" + struct.pack("<I", 2**32 - 1),
        "BINGET missing": b"h\x05",
        "POP_MARK etc": b"1" * 10,
        "STOP only": b"",
        "MARK nest": b"(" * 10**6,
        "deep tuple 1e6": b")" + b"\x85" * 10**6,
        "deep list of dict keys (hash recursion)": b")" + b"\x85" * 200000 + b"q\x00}h\x00Ns",
        "recursive list as set item": b"\x80\x04]q\x00\x8fq\x01(h\x00\x90",
        "timedelta odd": called(named("datetime", "timedelta"), whole(10**20)),
        "datetime bytes": called(named("datetime", "datetime"), raw(b"\xff" * 10)),
        "datetime bytes+tz record": called(
            named("datetime", "datetime"), raw(b"\x07\xe0\x01\x01\x00\x00\x00\x00\x00\x00"), none
        ),
    }
    viewed = byte_array + several(raw(addr * 4)) + b"Rq\x01"
    more["bytearray appended under a view"] = (
        viewed
        + b"0"
        + called(from_buffer, b"h\x01", dtype("i8"), several(whole(4)), text("C"))
        + b"q\x020h\x01("
        + b"".join(whole(65) for _ in range(100))
        + b"e0h\x02"
    )
    return more
