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
_COUNTS = ("params", "tokens", "unique_tokens", "params_total")
_MOST = {"params": 1e13, "tokens": 1e15, "unique_tokens": 1e15, "params_total": 1e14, "flops": 1e28}
_PERPLEXITY = {"ppl", "perplexity", "pplx", "perplexities"}
_ACCURACY = {"acc", "accuracy", "mcc", "bleu", "score"}
_BITS = {"bits", "bit", "bpt", "bpd"}
_BYTES = {"byte", "bytes"}
_CHARACTERS = {"char", "chars", "character", "characters"}
_OF_BYTES = 260  # a vocabulary of the 256 bytes and a few marks
NATS = "nats/token"
_KEPT = (
    "multiply by 0.693 and by the bytes per token for nats per token; optimal params and tokens are the same"
)
_ADVICE = {
    "perplexity": "take its ln",
    "accuracy": "give a loss",
    "bits/token": "multiply by 0.693 for nats",
    "bits/byte": _KEPT,
    "bits/character": _KEPT,
}


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


def loss_unit(frame: pd.DataFrame, mapping: Mapping[str, str]) -> str:
    """The unit of the losses: "nats/token", or what the name of their column or the vocabulary tells.

    Parameters
    ----------
    frame : DataFrame
        Canonical columns. A ``vocab_size`` of at most 260 in every row tells that a token is a byte.
    mapping : mapping of str to str
        Canonical name to the column's own.

    Returns
    -------
    str
        "nats/token", "nats/byte", "bits/token", "bits/byte" or "bits/character".
    """
    told = _told(set(_words(mapping.get("loss", ""))))
    unit = told if told is not None and "/" in told else NATS
    return unit.replace("token", "byte") if _tokens_are_bytes(frame) else unit


def _told(words: set[str]) -> str | None:
    """What the words of a column's name tell of the loss in it: a unit, or a quantity that is no loss."""
    if words & _PERPLEXITY:
        return "perplexity"
    if "bpb" in words or (words & _BITS and words & _BYTES):
        return "bits/byte"
    if "bpc" in words or (words & _BITS and words & _CHARACTERS):
        return "bits/character"
    if words & _BITS:
        return "bits/token"
    if words & _ACCURACY:
        return "accuracy"
    return "nats/byte" if words & _BYTES else None


def _tokens_are_bytes(frame: pd.DataFrame) -> bool:
    if "vocab_size" not in frame or frame.empty:
        return False
    sizes = pd.to_numeric(frame["vocab_size"], errors="coerce")
    return bool((sizes <= _OF_BYTES).all())


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
    told = _told(set(words))
    if told is None or told not in _ADVICE:
        return
    unit = told if "/" in told else NATS
    message = (
        f"loss is read from {original!r}, which tells of {_in_words(told)}; headers say {_in_words(unit)}"
    )
    yield Finding("unit in the name", "warning", message, _ADVICE[told])


def _in_words(unit: str) -> str:
    return unit.replace("/", " per ")


def _words(name: str) -> list[str]:
    """The words of a column's name in lower case."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return [word.lower() for word in re.findall(r"[A-Za-z]+", apart)]
