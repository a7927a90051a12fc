"""The kernels' times on a GPU beside torch's, from the table that ships.

python benchmarks/kernel_table.py [--output docs/kernels_h200.md]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from bayes_scaling.bench import load_bench
from bayes_scaling.bench.rows import OK
from bayes_scaling.roofline.devices import get_device

TABLE = Path(__file__).parents[1] / "data" / "bench_h200.csv"
WHERE = ["kernel", "shape", "provider"]
HEAD = """# Kernels on an H200

Made by `python benchmarks/kernel_table.py` from `data/bench_h200.csv`: medians of ten replays of a CUDA
graph of 20 launches, L2 as it is, bfloat16; {device}, driver {driver}, Triton {triton}, torch {torch}.
*Reached* is the larger of the share of the device's bandwidth and of its bfloat16 FLOP/s on its data
sheet; over 100% means that L2 served the reads. *Ratio* is torch's time over Triton's: over 1, Triton is
faster.

"""


def medians(table: pd.DataFrame) -> pd.DataFrame:
    """One row a shape: Triton's and torch's microseconds, the configuration, the work."""
    graphs = table[(table["status"] == OK) & table["graph"]]
    times = graphs.groupby(WHERE, sort=False)["time_ms"].median().unstack("provider") * 1e3
    triton = graphs[graphs["provider"] == "triton"].drop_duplicates(["kernel", "shape"])
    return times.join(
        triton.set_index(["kernel", "shape"])[["bytes", "flops", "configuration"]]
    ).reset_index()


def reached(row: pd.Series, device_name: str) -> str:
    """The larger share of what the data sheet promises."""
    device = get_device(device_name)
    seconds = row["triton"] / 1e6
    shares = (
        row["bytes"] / seconds / device.bytes_per_second,
        row["flops"] / seconds / device.flops_per_second,
    )
    return f"{max(shares):.0%}" if max(shares) > 0 else ""


def lines(table: pd.DataFrame) -> list[str]:
    """A table for each kernel."""
    device_name = str(table["device"].iloc[0])
    found = []
    for kernel, rows in medians(table).groupby("kernel", sort=False):
        found += [f"## {kernel}", "", "| shape | Triton, us | torch, us | ratio | reached | configuration |"]
        found += ["| --- | --- | --- | --- | --- | --- |"]
        for _, row in rows.iterrows():
            beside = pd.notna(row["torch"])
            torch = f"{row['torch']:.4g}" if beside else ""
            ratio = f"{row['torch'] / row['triton']:.2f}" if beside else ""
            cells = (row["shape"], f"{row['triton']:.4g}", torch, ratio, reached(row, device_name))
            found.append(f"| {' | '.join(cells)} | {row['configuration']} |")
        found.append("")
    return found


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", default="docs/kernels_h200.md")
    table = load_bench(TABLE)
    first = table.iloc[0]
    head = HEAD.format(
        device=first["device"],
        driver=first["driver"],
        triton=first["triton_version"],
        torch=first["torch_version"],
    )
    Path(parser.parse_args().output).write_text(head + "\n".join(lines(table)))


if __name__ == "__main__":
    main()
