"""Hostile pickles, each by its name."""

from __future__ import annotations

from pathlib import Path

from bayes_scaling.data.study import _Record
from bayes_scaling.data.unpickling import load_pickle
from tests.helpers.pickle_machine import (
    addr,
    arr8,
    array,
    arrow,
    byte_array,
    called,
    dtype,
    from_buffer,
    listed,
    mapped,
    named,
    none,
    number,
    objects,
    objects_unflagged,
    raw,
    raw_array,
    several,
    text,
    whole,
)
from tests.helpers.table_gadgets import table_gadgets


def show(path: Path) -> str:
    """What a reader of the value would do with it; called in a process of its own."""
    value = load_pickle(path, {"WandBRunData": _Record})
    return f"{type(value).__name__} {value!r:.100}"


def gadgets(place: Path) -> dict[str, bytes]:
    """Content by name; what runs makes the file ``ran`` in a folder."""
    programs = _memory_gadgets(str(place / "ran")) | table_gadgets(place)
    return {
        name: (b"" if program[:1] == b"\x80" else b"\x80\x02") + program + b"."
        for name, program in programs.items()
    }


def _memory_gadgets(marker: str) -> dict[str, bytes]:
    """Programs that call what is not admitted, or read and write memory through NumPy and Arrow."""
    return {
        # refused callables
        "os.system": called(named("os", "system"), text(f"touch {marker}")),
        "posix.system": called(named("posix", "system"), text(f"touch {marker}")),
        "builtins.eval": called(named("builtins", "eval"), text("1")),
        "builtins.getattr": called(
            named("builtins", "getattr"), byte_array + several() + b"R", text("__class__")
        ),
        "builtins.__import__": called(named("builtins", "__import__"), text("os")),
        "builtins.type": named("builtins", "type"),
        "operator.attrgetter": called(named("operator", "attrgetter"), text("system")),
        "functools.partial": named("functools", "partial"),
        "pandas.read_pickle": called(named("pandas", "read_pickle"), text("x")),
        "pandas.io.common.get_handle": named("pandas.io.common", "get_handle"),
        "numpy.load": named("numpy", "load"),
        "numpy.memmap": named("numpy", "memmap"),
        "numpy.core.numeric.dotted": named("numpy.core.numeric", "_frombuffer.__globals__"),
        "proto4 dotted DataFrame.eval": b"\x80\x04" + text("pandas") + text("DataFrame.eval") + b"\x93",
        "proto4 dotted StringDtype.__init__.__globals__": b"\x80\x04"
        + text("pandas")
        + text("StringDtype.__init__")
        + b"\x93",
        "record name in any module (os.WandBRunData)": named("os", "WandBRunData"),
        "EXT1": b"\x82\x01",
        "EXT4": b"\x84\x01\x00\x00\x00",
        "EXT neg": b"\x84\xff\xff\xff\xff",
        "PERSID": b"Pabc\n",
        "BINPERSID": text("abc") + b"Q",
        "INST os.system": b"(S'touch ran'\nios\nsystem\n",
        "OBJ os.system": b"(" + named("os", "system") + text("id") + b"o",
        "NEXT_BUFFER": b"\x80\x05\x97",
        "READONLY_BUFFER": b"\x80\x05" + text("x") + b"\x98",
        "PROTO 99": b"\x80\x63N",
        "numpy.core alias of refused": named("numpy.core.multiarray", "fromfile"),
        # numpy memory corruption
        "scalar(dtype 'O,O', int array)": called(number, dtype("O,O"), arr8),
        "scalar(dtype 'i8,O', int array)": called(number, dtype("i8,O"), arr8),
        "scalar('O', x)": called(number, dtype("O"), arr8),
        "scalar('V16',bytes)": called(number, dtype("V16"), raw(b"a" * 16)),
        "scalar('i8', short bytes)": called(number, dtype("i8"), raw(b"a")),
        "ndarray(buffer) dtype O": called(
            array, several(whole(4)), dtype("O"), byte_array + several(raw(addr * 4)) + b"R"
        ),
        "ndarray(buffer) dtype O,O": called(
            array, several(whole(1)), dtype("O,O"), byte_array + several(raw(addr * 4)) + b"R"
        ),
        "ndarray(array buffer) dtype O": called(array, several(whole(4)), dtype("O"), arr8),
        "_frombuffer dtype O": called(
            from_buffer, byte_array + several(raw(addr * 4)) + b"R", dtype("O"), several(whole(4)), text("C")
        ),
        "_frombuffer dtype O,O": called(
            from_buffer,
            byte_array + several(raw(addr * 4)) + b"R",
            dtype("O,O"),
            several(whole(2)),
            text("C"),
        ),
        "setstate dtype O raw bytes": raw_array(dtype("O"), [whole(4)], raw(addr * 4)),
        "dtype O flags=0 then raw bytes": raw_array(objects_unflagged, [whole(4)], raw(addr * 4)),
        "dtype O flags=0 scalar bytes": called(number, objects_unflagged, raw(addr)),
        "dtype O flags=1 scalar bytes": called(number, objects(1), raw(addr)),
        "dtype O flags=0 ndarray buffer": called(
            array, several(whole(4)), objects_unflagged, byte_array + several(raw(addr * 4)) + b"R"
        ),
        "dtype O flags=0 _frombuffer": called(
            from_buffer,
            byte_array + several(raw(addr * 4)) + b"R",
            objects_unflagged,
            several(whole(4)),
            text("C"),
        ),
        "dtype O list short": raw_array(dtype("O"), [whole(100000)], listed(none)),
        "dtype text elsize huge": raw_array(
            dtype("S8")
            + several(whole(3), text("|"), none, none, none, whole(10**9), whole(1), whole(0))
            + b"b",
            [whole(4)],
            raw(b"a" * 32),
        ),
        "dtype text elsize -8": raw_array(
            dtype("S8")
            + several(whole(3), text("|"), none, none, none, whole(-8), whole(1), whole(0))
            + b"b",
            [whole(4)],
            raw(b"a" * 32),
        ),
        "dtype text elsize huge scalar": called(
            number,
            dtype("S8")
            + several(whole(3), text("|"), none, none, none, whole(10**6), whole(1), whole(0))
            + b"b",
            raw(b"a" * 8),
        ),
        "dtype U elsize 3": raw_array(
            dtype("U2") + several(whole(3), text("<"), none, none, none, whole(3), whole(4), whole(8)) + b"b",
            [whole(4)],
            raw(b"a" * 12),
        ),
        "dtype V via list? '(2,)O'": called(number, dtype("(2,)O"), arr8),
        "dtype subarray '(2,)O' reconstruct raw": raw_array(dtype("(2,)O"), [whole(2)], raw(addr * 4)),
        "dtype several (StringDType) raw": raw_array(
            dtype("T"), [whole(2)], raw(b"\x00\x00\x00\x10AAAAAAAA\x00\x00\x00\x10BBBBBBBB" + b"\x41" * 8)
        ),
        "scalar StringDType bytes": called(number, dtype("T"), raw(b"\x41" * 16)),
        "_frombuffer StringDType": called(
            from_buffer,
            byte_array + several(raw(b"\x41" * 32)) + b"R",
            dtype("T"),
            several(whole(2)),
            text("C"),
        ),
        "ndarray buffer StringDType": called(
            array, several(whole(2)), dtype("T"), byte_array + several(raw(b"\x41" * 32)) + b"R"
        ),
        "ndarray strides out": called(
            array,
            several(whole(4)),
            dtype("i8"),
            byte_array + several(raw(addr * 4)) + b"R",
            whole(0),
            several(whole(10**6)),
        ),
        "ndarray offset neg": called(
            array, several(whole(4)), dtype("i8"), byte_array + several(raw(addr * 4)) + b"R", whole(-800)
        ),
        "ndarray strides no buffer": called(
            array, several(whole(4)), dtype("i8"), none, whole(0), several(whole(10**6))
        ),
        "ndarray setstate negative shape": raw_array(dtype("i8"), [whole(-4)], raw(addr * 4)),
        "ndarray setstate overflow shape": raw_array(
            dtype("i8"), [whole(2**40), whole(2**40)], raw(addr * 4)
        ),
        "M8 metadata odd": raw_array(
            dtype("M8[ns]")
            + several(
                whole(4),
                text("<"),
                none,
                none,
                none,
                whole(-1),
                whole(-1),
                whole(0),
                several(mapped(), several(raw(b"ns"), whole(1), whole(1), whole(0))),
            )
            + b"b",
            [whole(1)],
            raw(addr),
        ),
        "M8 metadata num 0": raw_array(
            dtype("M8[ns]")
            + several(
                whole(4),
                text("<"),
                none,
                none,
                none,
                whole(-1),
                whole(-1),
                whole(0),
                several(mapped(), several(raw(b"ns"), whole(0), whole(0), whole(0))),
            )
            + b"b",
            [whole(1)],
            raw(addr),
        ),
        # pyarrow
        "_restore_array(None type)": called(
            arrow("_restore_array"), several(none, whole(1), whole(0), whole(0), listed(none), listed(), none)
        ),
        "_restore_array buffers None ints": called(
            arrow("_restore_array"),
            several(
                called(arrow("type_for_alias"), text("int64")),
                whole(100),
                whole(0),
                whole(0),
                listed(none, none),
                listed(),
                none,
            ),
        ),
        "_restore_array len beyond": called(
            arrow("_restore_array"),
            several(
                called(arrow("type_for_alias"), text("int64")),
                whole(10**6),
                whole(0),
                whole(0),
                listed(none, called(arrow("py_buffer"), raw(b"a" * 8))),
                listed(),
                none,
            ),
        ),
        "_restore_array offset neg": called(
            arrow("_restore_array"),
            several(
                called(arrow("type_for_alias"), text("int64")),
                whole(1),
                whole(0),
                whole(-(10**6)),
                listed(none, called(arrow("py_buffer"), raw(b"a" * 8))),
                listed(),
                none,
            ),
        ),
        "_restore_array no buffers": called(
            arrow("_restore_array"),
            several(
                called(arrow("type_for_alias"), text("int64")),
                whole(1),
                whole(0),
                whole(0),
                listed(),
                listed(),
                none,
            ),
        ),
        "_restore_array string 1 buffer": called(
            arrow("_restore_array"),
            several(
                arrow("string") + several() + b"R", whole(1), whole(0), whole(0), listed(none), listed(), none
            ),
        ),
        "_restore_array children of str": called(
            arrow("_restore_array"),
            several(
                arrow("string") + several() + b"R",
                whole(1),
                whole(0),
                whole(0),
                listed(none, none, none),
                listed(none),
                none,
            ),
        ),
        "_restore_array list_ alias": called(
            arrow("_restore_array"),
            several(
                called(arrow("type_for_alias"), text("string_view")),
                whole(1),
                whole(0),
                whole(0),
                listed(none, called(arrow("py_buffer"), raw(b"\xff" * 16))),
                listed(),
                none,
            ),
        ),
        "_restore_array len -1": called(
            arrow("_restore_array"),
            several(
                called(arrow("type_for_alias"), text("int64")),
                whole(-1),
                whole(0),
                whole(0),
                listed(none, none),
                listed(),
                none,
            ),
        ),
        "_restore_array nulls wrong": called(
            arrow("_restore_array"),
            several(
                called(arrow("type_for_alias"), text("int64")),
                whole(8),
                whole(-5),
                whole(0),
                listed(called(arrow("py_buffer"), raw(b"")), called(arrow("py_buffer"), raw(b"a" * 64))),
                listed(),
                none,
            ),
        ),
        "chunked_array(None)": called(arrow("chunked_array"), none),
        "chunked_array odd type": called(arrow("chunked_array"), listed(), dtype("i8")),
        "py_buffer(None)": called(arrow("py_buffer"), none),
        # pandas
    }
