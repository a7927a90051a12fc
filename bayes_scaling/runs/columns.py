"""Column names: the canonical ones, their usual aliases, and which column of a table is which."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from types import MappingProxyType

from bayes_scaling.runs.faults import Fault

CANONICAL = (
    "run_id", "architecture", "context_length", "params", "tokens", "flops", "loss",
    "loss_sd", "weight", "group", "unique_tokens", "params_total", "parallel_streams",
)  # fmt: skip
REQUIRED = ("architecture", "context_length", "params", "tokens", "loss")
TEXT = ("run_id", "architecture", "group")
COUNTS = ("context_length", "params", "tokens", "flops", "unique_tokens", "params_total")
COLUMNS_SHOWN = 30

# Counts that leave out embeddings and training losses are other quantities: never taken by themselves.
_ALIASES = {
    "run_id": "run id, wandb id, wandb run id",
    "architecture": "architecture, arch, arch type, model type, model arch, model architecture, model family",
    "context_length": (
        "context length, context len, context size, context window, context, ctx, ctx len, ctx length, "
        "n ctx, seq len, seq length, sequence len, sequence length, max seq len, max sequence length"
    ),
    "params": (
        "params, param, n, n params, num params, parameters, n parameters, num parameters, param count, "
        "params count, parameter count, model params, model size, total params, total parameters"
    ),
    "tokens": (
        "tokens, d, n tokens, num tokens, token count, total tokens, tokens seen, training tokens, "
        "train tokens, n training tokens, n train tokens, num training tokens, num train tokens, "
        "num tokens training, tokens training"
    ),
    "flops": (
        "flops, flop, c, compute, training flops, train flops, training flop, training compute, "
        "train compute, total flops, total compute, n flops, num flops, num flops training, "
        "flops training, compute flops"
    ),
    "loss": (
        "loss, l, loss nats, val loss, validation loss, valid loss, eval loss, evaluation loss, test loss, "
        "held out loss, final loss, final val loss, final validation loss, val loss nats"
    ),
    "loss_sd": "loss sd, loss std, loss se, loss stderr, loss standard error, loss error, loss sigma",
    "weight": "weight, weights, run weight",
    "group": "group",
    "unique_tokens": "unique tokens, num unique tokens, n unique tokens, unique data, corpus tokens",
    "params_total": "params total, n params total, num params total, param count total, parameters total",
    "parallel_streams": "parallel streams, n parallel streams, num parallel streams",
}

_TRACKED = re.compile(r"^(config|summary|params|metrics|tags|data\.params|data\.metrics)\.|^throughput/")


def normalise(name: str) -> str:
    """Lower case without spaces and punctuation: the form in which names are compared."""
    return re.sub(r"[\W_]+", "", name).casefold()


ALIASES: Mapping[str, frozenset[str]] = MappingProxyType(
    {name: frozenset(normalise(alias) for alias in text.split(",")) for name, text in _ALIASES.items()}
)


def recognise(
    names: Sequence[str],
    columns: Mapping[str, str] | None = None,
    required: Sequence[str] = REQUIRED,
    unneeded: Sequence[str] = (),
) -> tuple[dict[str, str], list[Fault]]:
    """Which column of a table stands for which canonical name.

    Parameters
    ----------
    names : sequence of str
        The table's columns.
    columns : mapping of str to str, optional
        Canonical name to the table's column; what it names is not guessed.
    required : sequence of str
        Canonical names that must be found.
    unneeded : sequence of str
        Canonical names that no answer hangs on: where several columns may be one, none is.

    Returns
    -------
    mapping : dict of str to str
        Canonical name to the table's column, in canonical order.
    faults : list of Fault
        Names unknown, missing, doubled or ambiguous.
    """
    given = dict(columns or {})
    faults = _doubled(names) + _bad_choices(names, given)
    mapping: dict[str, str] = {}
    for name in CANONICAL:
        found = [given[name]] if name in given else _matches(name, names, set(given.values()))
        if len(found) > 1:
            faults += [] if name in unneeded else [_ambiguous(name, found)]
        elif not found and name in required:
            faults.append(_missing(name, names))
        elif found:
            mapping[name] = found[0]
    return {k: v for k, v in mapping.items() if v in names}, faults


def _matches(name: str, names: Sequence[str], taken: set[str]) -> list[str]:
    """Columns that bear a usual name; where none does, those that bear one behind a tracker's prefix."""
    free = [n for n in dict.fromkeys(names) if n not in taken]
    matches = [n for n in free if normalise(n) in ALIASES[name]]
    return matches or [n for n in free if normalise(_TRACKED.sub("", n)) in ALIASES[name]]


def _doubled(names: Sequence[str]) -> list[Fault]:
    twice = [name for name in dict.fromkeys(names) if list(names).count(name) > 1]
    remedy = "give each column its own name"
    return [Fault("doubled column", n, "stands in the table more than once", remedy) for n in twice]


def _bad_choices(names: Sequence[str], given: Mapping[str, str]) -> list[Fault]:
    """Faults in ``columns=`` itself."""
    faults = []
    for key, value in given.items():
        if key not in CANONICAL:
            message = f"columns= names {key!r}, which is no column of runs"
            remedy = _suggest(str(key), CANONICAL) or f"use one of {', '.join(CANONICAL)}"
            faults.append(Fault("unknown name", "", message, remedy))
        elif value not in names:
            message = f"columns= asks for column {value!r} as {key!r}, which the table lacks"
            faults.append(Fault("unknown column", "", message, _suggest(str(value), names) or _have(names)))
    return faults


def _ambiguous(name: str, found: Sequence[str]) -> Fault:
    both = " and ".join(repr(f) for f in found)
    remedy = f'choose one with columns={{"{name}": "{found[-1]}"}}, or rename the others'
    return Fault("ambiguous columns", "", f"columns {both} may each be {name!r}", remedy)


def _missing(name: str, names: Sequence[str]) -> Fault:
    """A required column that no name matches."""
    what = f'name yours with columns={{"{name}": "..."}}'
    if name in ("architecture", "context_length"):
        example = '"transformer"' if name == "architecture" else "2048"
        what += f', or give one value for all runs with constants={{"{name}": {example}}}'
    near = _suggest(name, names)
    remedy = f"{what}; {near + '; ' if near else ''}{_have(names)}"
    return Fault("missing column", name, "is missing", remedy)


def _have(names: Sequence[str]) -> str:
    shown = ", ".join(repr(n) for n in names[:COLUMNS_SHOWN])
    more = f" and {len(names) - COLUMNS_SHOWN} more" if len(names) > COLUMNS_SHOWN else ""
    return f"the table has {shown}{more}" if names else "the table has no columns"


def _suggest(name: str, names: Sequence[str]) -> str:
    near = get_close_matches(name, [str(n) for n in names], n=1)
    return f"did you mean {near[0]!r}?" if near else ""
