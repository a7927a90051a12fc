"""Pickles that mean harm: each by its name, made of the instructions of the pickle machine."""

from __future__ import annotations

import pickle
import struct
from pathlib import Path

from bayes_scaling.data.study import _Record
from bayes_scaling.data.unpickling import load_pickle


def show(path: Path) -> str:
    """What a reader of the value would do with it; called in a process of its own."""
    value = load_pickle(path, {"WandBRunData": _Record})
    return f"{type(value).__name__} {value!r:.100}"


def gadgets(place: Path) -> dict[str, bytes]:
    """Content by name; what runs makes the file ``ran`` in a folder."""
    marker = str(place / "ran")

    def named(m, n):
        return b"c" + m.encode() + b"\n" + n.encode() + b"\n"

    def text(s):
        s = s.encode()
        return b"X" + struct.pack("<I", len(s)) + s

    def raw(b):
        return b"B" + struct.pack("<I", len(b)) + b

    def whole(i):
        return b"\x8a" + (lambda x: bytes([len(x)]) + x)(pickle.encode_long(i))

    def several(*a):
        return b"(" + b"".join(a) + b"t"

    def called(f, *a):
        return f + several(*a) + b"R"

    def listed(*a):
        return b"](" + b"".join(a) + b"e"

    def mapped(*kv):
        return b"}(" + b"".join(kv) + b"u"

    none = b"N"
    false = b"\x89"
    array = named("numpy", "ndarray")

    def dtype(s):
        return called(named("numpy", "dtype"), text(s))

    number = named("numpy._core.multiarray", "scalar")
    begin = named("numpy._core.multiarray", "_reconstruct")
    from_buffer = named("numpy._core.numeric", "_frombuffer")
    table = named("pandas", "DataFrame")
    series = named("pandas", "Series")
    index = named("pandas", "Index")
    new_block = named("pandas.core.internals.blocks", "new_block")
    byte_array = named("builtins", "bytearray")
    span = named("builtins", "slice")
    block = named("pandas._libs.internals", "_unpickle_block")
    backed = named("pandas._libs.arrays", "__pyx_unpickle_NDArrayBacked")

    def arrow(n):
        return named("pyarrow.lib", n)

    addr = struct.pack("<Q", 0x4141414141414141)
    arr8 = called(
        from_buffer, byte_array + several(raw(addr * 4)) + b"R", dtype("i8"), several(whole(4)), text("C")
    )

    def raw_array(dt, shape, data, state_extra=b""):  # reconstruct + BUILD
        return (
            called(begin, array, several(whole(0)), raw(b"b"))
            + several(whole(1), several(*shape), dt, false, data)
            + b"b"
        )

    objects_unflagged = (
        dtype("O") + several(whole(3), text("|"), none, none, none, whole(8), whole(8), whole(0)) + b"b"
    )

    def objects(fl):
        return (
            dtype("O") + several(whole(3), text("|"), none, none, none, whole(8), whole(8), whole(fl)) + b"b"
        )

    cases = {
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
    cases["bytearray appended under a view"] = (
        viewed
        + b"0"
        + called(from_buffer, b"h\x01", dtype("i8"), several(whole(4)), text("C"))
        + b"q\x020h\x01("
        + b"".join(whole(65) for _ in range(100))
        + b"e0h\x02"
    )
    return {
        name: (b"" if content[:1] == b"\x80" else b"\x80\x02") + content + b"."
        for name, content in cases.items()
    }
