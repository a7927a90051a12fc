"""The architectures known by name, and how to add one."""

from __future__ import annotations

import dataclasses
from typing import Any

from bayes_scaling.accounting import mamba2, scores, transformer, xlstm
from bayes_scaling.accounting.architecture import Architecture
from bayes_scaling.accounting.families import ShapeFamily
from bayes_scaling.accounting.layers.shipped import SHIPPED
from bayes_scaling.accounting.shapes import AccountingError, Shape, check_one_head_count

_STUDY = "arXiv:2510.02228; NX-AI/xlstm_scaling_laws"


def _one_head_count(shape: Shape) -> None:
    check_one_head_count("xlstm", shape)


TRANSFORMER = Architecture(
    name="transformer",
    aliases=("llama", "llama2", "llama3", "transformer++"),
    source=_STUDY,
    count_params=transformer.params,
    count_forward=transformer.forward_flops,
    count_prefill=transformer.prefill,
    count_generation=transformer.generation,
    count_cache=transformer.cache_bytes,
    modes=scores.MODES,
    family=ShapeFamily(largest_head_dim=128.0),
)
XLSTM = Architecture(
    name="xlstm",
    aliases=("mlstm", "mlstm_v1"),
    source=_STUDY,
    count_params=xlstm.params,
    count_forward=xlstm.forward_flops,
    count_prefill=xlstm.prefill,
    count_generation=xlstm.generation,
    count_cache=xlstm.cache_bytes,
    modes=xlstm.MODES,
    family=ShapeFamily(head_dim=170.0, head_dim_exponent=0.6, qk_factor=0.5, largest_head_dim=512.0),
    check=_one_head_count,
)
MAMBA2 = Architecture(
    name="mamba2",
    aliases=("mamba-2", "ssd"),
    source="arXiv:2405.21060; state-spaces/mamba, modules/mamba2.py",
    count_params=mamba2.params,
    count_forward=mamba2.forward_flops,
    count_prefill=mamba2.prefill,
    count_generation=mamba2.generation,
    count_cache=mamba2.cache_bytes,
    family=ShapeFamily(
        blocks=38.0, head_dim=64.0, qk_factor=2.0, expansion=2.0, ffn_ratio=0.0, num_kv_heads=1.0,
        vocab_size=50288, chunk_size=256, largest_head_dim=64.0,
    ),
)  # fmt: skip

GROUPED = dataclasses.replace(
    TRANSFORMER,
    name="transformer-gqa",
    aliases=("gqa", "grouped-query"),
    source="Ainslie et al. 2023, arXiv:2305.13245",
    family=ShapeFamily(num_kv_heads=8.0, largest_head_dim=128.0),
)
MULTI_QUERY = dataclasses.replace(
    TRANSFORMER,
    name="transformer-mqa",
    aliases=("mqa", "multi-query"),
    source="Shazeer 2019, arXiv:1911.02150",
    family=ShapeFamily(num_kv_heads=1.0, largest_head_dim=128.0),
)

_REGISTRY: dict[str, Architecture] = {}


def register_architecture(
    architecture: Architecture | str, *, replace: bool = False, **parts: Any
) -> Architecture:
    """Make an architecture known by its name and aliases.

    Parameters
    ----------
    architecture : Architecture or str
        A whole value, or a name with the attributes of `Architecture` as keywords.
    replace : bool
        Allow names that are taken.

    Raises
    ------
    AccountingError
        A name that is taken, or neither formulas nor a table.

    Examples
    --------
    >>> from bayes_scaling.accounting import flop_table, forget_architecture, register_architecture
    >>> table = flop_table([1e8, 1e9], [2048, 2048], [7e8, 6.3e9])
    >>> register_architecture("mine", table=table, replace=True).name
    'mine'
    >>> forget_architecture("mine")
    """
    value = Architecture(architecture, **parts) if isinstance(architecture, str) else architecture
    if value.table is None and (value.count_params is None or value.count_forward is None):
        raise AccountingError(
            f"architecture {value.name!r} needs count_params= and count_forward=, or table=flop_table(...)"
        )
    names = [_key(name) for name in (value.name, *value.aliases)]
    taken = [name for name in names if name in _REGISTRY]
    if taken and not replace:
        raise AccountingError(
            f"architecture {taken[0]!r} is already known: choose another name, or replace=True"
        )
    for name in names:
        _REGISTRY[name] = value
    return value


def forget_architecture(name: str) -> None:
    """Take a registered architecture and its aliases out again."""
    value = get_architecture(name)
    for key in [key for key, known in _REGISTRY.items() if known is value]:
        del _REGISTRY[key]


def get_architecture(name: str | Architecture) -> Architecture:
    """The architecture of that name or alias; case does not matter.

    Raises
    ------
    AccountingError
        No such architecture.
    """
    if isinstance(name, Architecture):
        return name
    if _key(name) not in _REGISTRY:
        raise AccountingError(
            f"unknown architecture {name!r}: known are {', '.join(architectures())}; add yours with "
            'register_architecture, or use cost="6ND"'
        )
    return _REGISTRY[_key(name)]


def is_known(name: str) -> bool:
    """Whether an architecture of that name or alias is registered."""
    return _key(name) in _REGISTRY


def architectures() -> tuple[str, ...]:
    """Names of all known architectures."""
    return tuple(sorted({value.name for value in _REGISTRY.values()}))


def _key(name: str) -> str:
    return str(name).strip().casefold()


for _architecture in (TRANSFORMER, GROUPED, MULTI_QUERY, XLSTM, MAMBA2, *SHIPPED):
    register_architecture(_architecture)
