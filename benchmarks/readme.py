"""Run the commands of README.md and write what they print into it.

    python benchmarks/readme.py [--check]

A block of text that follows a command, or the Python example, is replaced by what it prints now, and the
figure of the frontier and, where Chromium is installed, that of the report are made anew; with --check
nothing is written and a difference ends with 1. The study's runs are read from the folder
BAYES_SCALING_REFERENCE_DATA, or ../shared/data beside the clone.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import bayes_scaling as bs

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
IMAGES = ROOT / "docs" / "images"
CURVE = (5e10, 5e14, 60)  # FLOPs of the figure
HEADLESS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--window-size=1280,900",
)
FOLDER = Path(os.environ.get("BAYES_SCALING_REFERENCE_DATA") or ROOT.parent / "shared" / "data")
COMMAND = r"^    \$ [^\n]*\\\n(?:^        [^\n]*\n)+|^    \$ [^\n]*\n"
BLOCK = re.compile(rf"({COMMAND})(\n```text\n.*?```)?", re.MULTILINE | re.DOTALL)
PYTHON = re.compile(r"```python\n(.*?)```\n\n```text\n.*?```", re.DOTALL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    text = README.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        _prepare(Path(folder))
        found = BLOCK.sub(lambda match: _with_output(match, folder), text)
        found = PYTHON.sub(lambda match: _with_printed(match, folder), found)
        if arguments.check:
            sys.exit(found != text)
        _draw_frontier(Path(folder))
        _photograph_report(Path(folder))
    README.write_text(found, encoding="utf-8")


def _draw_frontier(folder: Path) -> None:
    fit = bs.load_fit(folder / "fit.nc")
    budgets = np.geomspace(*CURVE)
    answer = fit.frontier(budgets, context_length=128, cost="accounted")
    answer.plot(figsize=(6.75, 2.5)).savefig(IMAGES / "frontier.png", dpi=130)


def _photograph_report(folder: Path) -> None:
    """The head of the report; without Chromium the picture stays."""
    browser = shutil.which("chromium")
    if browser is None:
        return
    command = [
        browser,
        *HEADLESS,
        f"--user-data-dir={folder / 'browser'}",
        f"--screenshot={IMAGES / 'report.png'}",
    ]
    subprocess.run([*command, (folder / "report.html").as_uri()], check=True, capture_output=True)


def _prepare(folder: Path) -> None:
    """The files that commands name without making them."""
    for name in ("timings_h200.csv", "bench_h200_models.csv"):
        shutil.copy(ROOT / "data" / name, folder)
    _run(f"bayes-scaling fit {shlex.quote(str(FOLDER / 'xlstm_runs.csv'))} -o study.nc", folder)


def _with_output(match: re.Match[str], folder: str) -> str:
    """The command, and where a block follows it, what it prints."""
    command, block = match.groups()
    printed = _run(command.replace("\\\n", " ").replace("$", "", 1), folder)
    return command if block is None else f"{command}\n```text\n{printed}\n```"


def _with_printed(match: re.Match[str], folder: str) -> str:
    code = match.group(1)
    printed = _of([sys.executable, "-c", code], folder)
    return f"```python\n{code}```\n\n```text\n{printed}\n```"


def _run(command: str, folder: str | Path) -> str:
    words = shlex.split(command)
    if words[0] != "bayes-scaling":
        raise ValueError(f"not a command of this package: {command}")
    return _of([sys.executable, "-m", "bayes_scaling.cli", *words[1:]], folder)


def _of(words: list[str], folder: str | Path) -> str:
    """What a command prints, without the spaces that end lines."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    print(" ".join(words[2:6]), file=sys.stderr)
    return "\n".join(line.rstrip() for line in done.stdout.splitlines()).strip("\n")


if __name__ == "__main__":
    main()
