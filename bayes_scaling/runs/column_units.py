"""Units that the names of columns tell: params_m, tokens (B), total_gflops, ppl, bpb."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import pandas as pd

from bayes_scaling.runs.finding import Finding

_COUNT_WORDS = {
    1e3: {"k", "thousand", "thousands", "kparams", "ktokens"},
    1e6: {"m", "mio", "million", "millions", "mparams", "mparam", "mtokens", "mtok"},
    1e9: {
        "b",
        "bn",
        "g",
        "billion",
        "billions",
        "bparams",
        "bparam",
        "gparams",
        "btokens",
        "btok",
        "gtokens",
    },
    1e12: {"t", "tn", "trillion", "trillions", "ttokens"},
}
_FLOP_WORDS = {
    1e6: {"mflop", "mflops", "megaflop", "megaflops"},
    1e9: {"gflop", "gflops", "gigaflop", "gigaflops"},
    1e12: {"tflop", "tflops", "teraflop", "teraflops"},
    1e15: {"pflop", "pflops", "petaflop", "petaflops"},
    1e18: {"eflop", "eflops", "exaflop", "exaflops"},
    1e21: {"zflop", "zflops", "zettaflop", "zettaflops"},
    8.64e19: {"pfdays", "pfday", "pfsdays", "petaflopdays"},
}
_COUNTS = ("params", "tokens", "unique_tokens")
_MOST = {"params": 1e13, "tokens": 1e15, "unique_tokens": 1e15, "flops": 1e28}
_LOSSES = {
    "perplexity": ({"ppl", "perplexity", "pplx", "perplexities"}, "take its ln"),
    "bits per byte": ({"bpb"}, ""),
    "bits per character": ({"bpc"}, ""),
    "bits": ({"bits", "bit", "bpt", "bpd"}, "multiply by 0.693 for nats"),
    "accuracy": ({"acc", "accuracy", "mcc", "bleu", "score"}, "give a loss"),
}
_OF_BITS = {
    "bits per byte": "bits/byte",
    "bits per character": "bits/character",
    "bits": "bits/token",
}
NATS = "nats/token"
_KEPT = (
    "multiply by 0.693 and by the bytes per token for nats per token; optimal params and tokens are the same"
)


def named_units(frame: pd.DataFrame, mapping: Mapping[str, str]) -> Iterable[Finding]:
    """A finding for each column whose name tells another unit than the one that is read.

    Parameters
    ----------
    frame : DataFrame
        Canonical columns.
    mapping : mapping of str to str
        Canonical name to the column's own.
    """
    for name, original in mapping.items():
        words = _words(original)
        if name in _COUNTS or name == "flops":
            yield from _scaled(name, original, words, frame[name])
        elif name == "loss":
            yield from _loss(original, words)


def loss_unit(mapping: Mapping[str, str]) -> str:
    """The unit that a loss keeps: "nats/token", or what the name of its column tells of bits.

    Parameters
    ----------
    mapping : mapping of str to str
        Canonical name to the column's own.
    """
    words = set(_words(mapping.get("loss", "")))
    known = (short for unit, short in _OF_BITS.items() if words & _LOSSES[unit][0])
    return next(known, NATS)


def _scaled(name: str, original: str, words: list[str], values: pd.Series) -> Iterable[Finding]:
    table = _FLOP_WORDS if name == "flops" else _COUNT_WORDS
    told = [
        factor
        for factor, known in table.items()
        if known.intersection(words[1:] or words if _long(words) else [])
    ]
    if "days" in words and {"pf", "pfs", "petaflop", "petaflops"}.intersection(words):
        told = [8.64e19]
    median = float(values.median())
    if told and median * told[0] <= _MOST[name]:
        message = (
            f"{name} is read from {original!r}, whose name tells a unit of {told[0]:g}; "
            f"the median is {median:.4g}"
        )
        yield Finding(
            "unit in the name", "warning", message, f"give {name} as plain counts: times {told[0]:g}"
        )


def _long(words: list[str]) -> bool:
    """Whether a name is more than one letter, which would be a symbol and no unit."""
    return len(words) > 1 or len(words[0] if words else "") > 2


def _loss(original: str, words: list[str]) -> Iterable[Finding]:
    found = [(unit, advice) for unit, (known, advice) in _LOSSES.items() if known.intersection(words)]
    for unit, advice in found[:1]:
        told = f"headers say {_OF_BITS[unit]}" if unit in _OF_BITS else "headers say nats per token"
        message = f"loss is read from {original!r}, which tells of {unit}; {told}"
        yield Finding("unit in the name", "warning", message, advice or _KEPT)


def _words(name: str) -> list[str]:
    """The words of a column's name in lower case."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return [word.lower() for word in re.findall(r"[A-Za-z]+", apart)]
