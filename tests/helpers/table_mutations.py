"""Good tables of runs, and the ways in which people write them: units, separators, locales, headers."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from tests.helpers.ladders import isoflop_frame

NUMBERS = ("context_length", "params", "tokens", "loss")
HEADERS = {
    "architecture": ("architecture", "arch", "Model Type", "model_family"),
    "context_length": ("context_length", "ctx", "seq_len", "Context Length"),
    "params": ("params", "N", "n_params", "Model Size", "num_params"),
    "tokens": ("tokens", "D", "n_tokens", "Training Tokens", "total_tokens"),
    "loss": ("loss", "val_loss", "Eval Loss", "validation_loss"),
}
UNITS = {1e3: ("k", "thousands"), 1e6: ("M", "millions"), 1e9: ("B", "billions")}


@dataclass
class Written:
    """A table as a file, and what it truly holds.

    Attributes
    ----------
    data : bytes
    truth : DataFrame
        Canonical columns, in plain counts and nats.
    columns : dict of str to str
        Names that a user would have to give.
    told : list of str
        What was done to it.
    """

    data: bytes
    truth: pd.DataFrame
    columns: dict[str, str] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)


def good_table(rng: np.random.Generator) -> pd.DataFrame:
    """Runs after a known law: budgets, or ratios of tokens to params, of one architecture or two."""
    budgets = isoflop_frame(noise=0.005, seed=int(rng.integers(1000)))
    frame = budgets if rng.random() < 0.5 else ladder(rng)
    frame["context_length"] = int(rng.choice([1024, 2048, 4096, 8192]))
    if rng.random() < 0.3:
        other = frame.assign(architecture="xlstm", loss=frame["loss"] * 0.98)
        frame = pd.concat([frame, other], ignore_index=True)
    return frame


def ladder(rng: np.random.Generator) -> pd.DataFrame:
    """Five sizes at four ratios of tokens to params."""
    params = np.round(np.repeat(np.geomspace(3e7, 3e9, 5), 4))
    tokens = np.round(params * np.tile([10, 20, 80, 320], 5))
    loss = 1.75 + 420 * params**-0.34 + 1400 * tokens**-0.32
    scatter = np.exp(0.005 * rng.standard_normal(20))
    columns = {"params": params, "tokens": tokens, "loss": loss * scatter}
    return pd.DataFrame({"architecture": "transformer", "context_length": 2048, **columns})


def written(seed: int) -> Written:
    """A good table, written in some way that people write tables."""
    rng = np.random.default_rng(seed)
    truth = good_table(rng)
    told: list[str] = []
    header, columns = _headers(rng)
    values = _in_units(rng, truth, header, columns, told)
    text = _as_text(rng, values, header, told)
    return Written(_as_bytes(rng, text, told), truth, columns, told)


def _headers(rng: np.random.Generator) -> tuple[dict[str, str], dict[str, str]]:
    """A name for each column; some tables have usual ones."""
    usual = rng.random() < 0.4
    return {name: names[0] if usual else str(rng.choice(names)) for name, names in HEADERS.items()}, {}


def _in_units(
    rng: np.random.Generator,
    truth: pd.DataFrame,
    header: dict[str, str],
    columns: dict[str, str],
    told: list[str],
) -> pd.DataFrame:
    """Values in other units: whole columns or some rows, with the unit in the name or without."""
    values = truth.copy()
    kind = rng.choice(["plain", "column", "named", "rows", "loss"], p=[0.2, 0.3, 0.2, 0.15, 0.15])
    name = str(rng.choice(["params", "tokens"]))
    factor = float(rng.choice(list(UNITS)))
    if kind == "column":
        values[name] = values[name] / factor
        told.append(f"{name} in units of {factor:g}")
    elif kind == "named":
        unit = str(rng.choice(UNITS[factor]))
        form = str(rng.choice(["{} ({})", "{}_{}", "{} [{}]"]))
        header[name] = form.format(header[name], unit)
        columns[name] = header[name]
        values[name] = values[name] / factor
        told.append(f"{name} as {header[name]!r}")
    elif kind == "rows":
        rows = rng.choice(len(values), int(rng.integers(1, len(values) // 2)), replace=False)
        values.loc[rows, name] = values.loc[rows, name] / factor
        told.append(f"{name} of rows {sorted(rows.tolist())} in units of {factor:g}")
    elif kind == "loss":
        rows = rng.random(len(values)) < rng.choice([1.0, 0.3])
        values.loc[rows, "loss"] = np.exp(values.loc[rows, "loss"])
        told.append(f"perplexities in {int(rows.sum())} rows")
    return values


def _as_text(rng: np.random.Generator, values: pd.DataFrame, header: dict[str, str], told: list[str]) -> str:
    """Delimited text with marks of thousands and decimals, quotes and lines before the header."""
    delimiter = str(rng.choice([",", ";", "\t", "|"], p=[0.4, 0.3, 0.2, 0.1]))
    decimal = str(rng.choice([".", ","], p=[0.6, 0.4]))
    thousands = str(rng.choice(["", ",", ".", " ", "'"], p=[0.5, 0.2, 0.1, 0.1, 0.1]))
    thousands = "" if thousands == decimal else thousands
    scientific = rng.random() < 0.2
    digits = int(rng.integers(2, 6))
    told.append(f"delimiter {delimiter!r}, decimal {decimal!r}, thousands {thousands!r}, {digits} digits")
    lines = [[header[name] for name in values]]
    for row in values.to_dict("records"):
        lines.append([_cell(row[name], decimal, thousands, digits, scientific) for name in values])
    quoted = [[f'"{c}"' if delimiter in c or rng.random() < 0.1 else c for c in line] for line in lines]
    text = "\n".join(delimiter.join(line) for line in quoted) + "\n"
    if rng.random() < 0.15:
        text = "# exported by a tracker, 2026\n" + text
    elif rng.random() < 0.1:
        text = f"sep={delimiter}\n" + text
    return text


def _cell(value: object, decimal: str, thousands: str, digits: int, scientific: bool) -> str:
    if isinstance(value, str):
        return value
    number = float(value)  # type: ignore[arg-type]
    if scientific and number > 1e4:
        return f"{number:.8e}".replace(".", decimal)
    whole = number.is_integer() and number > 100
    text = f"{number:,.0f}" if whole else f"{number:,.{digits}f}"
    return text.replace(",", "\0").replace(".", decimal).replace("\0", thousands)


def _as_bytes(rng: np.random.Generator, text: str, told: list[str]) -> bytes:
    if rng.random() < 0.2:
        text = text.replace("\n", "\r\n")
    encoding = str(rng.choice(["utf-8", "utf-8-sig", "utf-16"], p=[0.7, 0.2, 0.1]))
    told.append(encoding)
    return text.encode(encoding)
