"""The shape of a published model from its ``config.json``, as Hugging Face's transformers writes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bayes_scaling.accounting import Shape, get_architecture
from bayes_scaling.errors import TimingsError

FAMILIES = ("llama", "mistral", "qwen2", "qwen3")
_NEEDED = {
    "hidden_size": "embedding_dim",
    "num_hidden_layers": "num_blocks",
    "num_attention_heads": "num_heads",
    "intermediate_size": "ffn_dim",
    "vocab_size": "vocab_size",
}


def config_shape(config: str | Path | Mapping[str, Any]) -> dict[str, Any]:
    """Columns of the shape of a dense Llama, Mistral or Qwen model, for a table of timings or queries.

    Parameters
    ----------
    config : path or mapping
        A ``config.json``, or what it holds.

    Returns
    -------
    dict
        architecture ("transformer"), params (of matrices and norms; one embedding where they are tied) and
        the columns of the shape, grouped heads included.

    Raises
    ------
    TimingsError
        Not such a file, a family that has no formula here, or a size that is missing.

    Examples
    --------
    >>> sizes = {"hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32}
    >>> sizes |= {"intermediate_size": 14336, "vocab_size": 128256, "num_key_value_heads": 8}
    >>> bs.latency.config_shape({"model_type": "llama", **sizes})["params"]
    8030261248
    """
    values, place = _read(config)
    kind = values.get("model_type")
    if kind not in FAMILIES:
        raise TimingsError(f"{place}: model_type {kind!r} has no formula; give one of {', '.join(FAMILIES)}")
    found: dict[str, Any] = {}
    for name, column in _NEEDED.items():
        found[column] = _size(values, name, place)
    width = values.get("head_dim") or found["embedding_dim"] // found["num_heads"]
    found["num_kv_heads"] = values.get("num_key_value_heads") or found["num_heads"]
    found["head_dim_v"] = found["head_dim_qk"] = int(width)
    params = int(get_architecture("transformer").params(Shape(**found)))
    if values.get("tie_word_embeddings", False):
        params -= found["vocab_size"] * found["embedding_dim"]
    return {"architecture": "transformer", "params": params, **found}


def _read(config: str | Path | Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    if isinstance(config, Mapping):
        return config, "config"
    try:
        values = json.loads(Path(config).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TimingsError(f"{config}: not a readable config.json ({error}).") from error
    if not isinstance(values, dict):
        raise TimingsError(f"{config}: not a config.json; it holds a {type(values).__name__}.")
    return values, str(config)


def _size(values: Mapping[str, Any], name: str, place: str) -> int:
    value = values.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise TimingsError(f"{place}: {name} is {value!r}; it must be a whole number of 1 or more.")
    return value
