"""Sampling in rounds: pilots turn the coordinates, then chains go on until their draws suffice.

A pilot is a short run whose covariance makes the next whitening. The rounds that follow keep their draws and
end where the gate holds, or at the cap. Where that took several times the draws that were asked for, one draw
in so many is kept if the gate holds of these too: chains that long are slow, and draws next to each other
alike. Draws among which one diverged are not kept: they become a pilot, and counting starts anew in new
coordinates with smaller steps.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from threadpoolctl import threadpool_limits

from bayes_scaling.models.draws import Chains, Engine, RawDraws, Sampling
from bayes_scaling.models.whitening import Whitening, turned
from bayes_scaling.streams import Stream

PILOTS = (1 / 3, 1 / 2)  # shares of ``tune``; the rest finds the step size
START = 0.5  # standard deviations round the mode from which chains start
ROUND = 2  # a further round adds one part in so many of ``draws``
STRICTER = (0.95, 0.98, 0.99, 0.995, 0.998)  # targets of acceptance after divergences, one after the other


class Progress(Protocol):
    """Who is told how sampling goes."""

    def stage(self, name: str, transitions: int) -> None:
        """A stage of so many transitions of all chains begins."""
        ...

    def advance(self, done: int) -> None:
        """So many of its transitions are made."""
        ...


class Silence:
    """Tells nobody."""

    def stage(self, name: str, transitions: int) -> None:
        """Say nothing."""

    def advance(self, done: int) -> None:
        """Say nothing."""


@dataclass(frozen=True)
class Verdict:
    """What a gate says of the draws so far.

    Attributes
    ----------
    passed : bool
    note : str
        It tells the verdict in a few words, for a progress bar.
    """

    passed: bool
    note: str


Gate = Callable[[RawDraws, Whitening], Verdict]


@dataclass(frozen=True)
class Sampled:
    """Draws that were kept, and how they came about.

    Attributes
    ----------
    raw : RawDraws
    whitening : Whitening
        Their points stand in its space.
    account : mapping of str to value
        Its keys are passed, rounds, restarts, made and draws (of each chain, in the rounds and kept),
        max_draws, target_acceptance, diverged (transitions before the last start that diverged), seconds
        (from the first pilot to the last round).
    """

    raw: RawDraws
    whitening: Whitening
    account: Mapping[str, float]


def sample_in_rounds(
    engine: Engine,
    whitening: Whitening,
    size: int,
    sampling: Sampling,
    target: float,
    gate: Gate,
    progress: Progress,
) -> Sampled:
    """Pilots, then rounds until the gate passes or the cap is reached.

    Parameters
    ----------
    engine : Engine
    whitening : Whitening
        At the mode.
    size : int
        A whitened point has so many coordinates.
    sampling : Sampling
    target : float
        Acceptance aimed at.
    gate : callable
        Judges the draws of each round.
    progress : Progress
    """
    with threadpool_limits(1, "blas"):  # threads cost more than they give to systems this small
        return _sampled(engine, whitening, size, sampling, target, gate, progress)


def _sampled(
    engine: Engine,
    whitening: Whitening,
    size: int,
    sampling: Sampling,
    target: float,
    gate: Gate,
    progress: Progress,
) -> Sampled:
    begin = time.perf_counter()
    seeds = _seeds(sampling.seed)
    points = START * next(seeds).standard_normal((sampling.chains, size))
    for number, share in enumerate(PILOTS, start=1):
        transitions = max(int(share * sampling.tune), 1)
        progress.stage(f"pilot {number}", transitions * sampling.chains)
        drawn = engine.pilot(whitening, points, transitions, target, _integer(next(seeds)), progress.advance)
        whitening, points = _turned(whitening, drawn)
    diverged = 0
    targets = (target, *(stricter for stricter in STRICTER if stricter > target))
    for restart, aim in enumerate(targets):
        last = restart == len(targets) - 1
        tune = max(sampling.tune - sum(int(share * sampling.tune) for share in PILOTS), 1)
        chains = engine.chains(whitening, points, tune * 2**restart, sampling.cap, aim, _integer(next(seeds)))
        try:
            raw, rounds, passed = _rounds(chains, whitening, sampling, gate, progress, last)
            made = raw.whitened.shape[1]
            if passed:
                raw = _thinned(raw, made // sampling.draws, whitening, gate)
        finally:
            chains.close()
        if last or not raw.divergences:
            break
        diverged += raw.divergences
        whitening, points = _turned(whitening, raw.whitened)
    account = {
        "passed": passed,
        "rounds": rounds,
        "restarts": restart,
        "made": made,
        "draws": raw.whitened.shape[1],
        "max_draws": sampling.cap,
        "target_acceptance": aim,
        "diverged": diverged,
        "seconds": time.perf_counter() - begin,
    }
    return Sampled(raw, whitening, account)


def _rounds(
    chains: Chains, whitening: Whitening, sampling: Sampling, gate: Gate, progress: Progress, last: bool
) -> tuple[RawDraws, int, bool]:
    """Draws until the gate passes, how many rounds that took, and whether it passed.

    A divergence ends them unless this is the last try.
    """
    wanted = sampling.draws
    rounds = 1
    note = ""
    while True:
        progress.stage(f"round {rounds}{note}", wanted * sampling.chains)
        raw = chains.reach(wanted, progress.advance)
        if raw.divergences and not last:
            return raw, rounds, False
        verdict = gate(raw, whitening)
        if verdict.passed or wanted >= sampling.cap or raw.divergences:
            return raw, rounds, verdict.passed
        wanted = min(wanted + max(sampling.draws // ROUND, 1), sampling.cap)
        rounds += 1
        note = f" ({verdict.note})"


def _thinned(raw: RawDraws, step: int, whitening: Whitening, gate: Gate) -> RawDraws:
    """One draw in so many if the gate holds of them, else all; the gate's last word is on what is kept."""
    if step < 2:
        return raw
    fewer = raw.every(step)
    if gate(fewer, whitening).passed:
        return fewer
    gate(raw, whitening)
    return raw


def _turned(whitening: Whitening, drawn: np.ndarray) -> tuple[Whitening, np.ndarray]:
    """The whitening by points (chain, draw, size), and the chains' last points in it."""
    found = turned(whitening, drawn.reshape(-1, drawn.shape[-1]))
    return found, whitening.rewhitened(drawn[:, -1], found)


def _seeds(seed: int) -> Iterator[np.random.Generator]:
    """Independent generators, one a stage."""
    root = np.random.SeedSequence([seed, Stream.SAMPLING])
    while True:
        yield np.random.default_rng(root.spawn(1)[0])


def _integer(rng: np.random.Generator) -> int:
    """A sampler's seed."""
    return int(rng.integers(2**31))
