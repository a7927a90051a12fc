"""Calibration as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayes_scaling.report.columns import column, text
from bayes_scaling.report.table import print_line, print_table

if TYPE_CHECKING:
    from bayes_scaling.sbc import Sbc


def print_sbc(found: Sbc) -> None:
    """Ranks of each quantity, how many replicates converged, and the verdict."""
    table = found.table()
    table["band"] = table["outside_family"].map({True: "outside", False: "inside"})
    print_table(
        [
            text(table, "quantity", "quantity"),
            column(table, "mean rank (0.5)", "mean", "{:.3f}".format),
            column(table, "sd (0.289)", "sd", "{:.3f}".format),
            text(table, "95% band of all", "band"),
        ]
    )
    alone = int(table["outside"].sum())
    print_line(f"{len(found.ranks)} replicates, {found.not_converged} of them not converged.")
    print_line(f"{alone} of {len(table)} quantities leave their own 95% band; chance alone gives about 5%.")
    verdict = "uniform: the fit is calibrated" if found.uniform else "not uniform: the fit is not calibrated"
    print_line(f"Ranks are {verdict} on runs of these sizes, if the law holds.")
