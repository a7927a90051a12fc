"""What a run is, before it is trained."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RunSpec:
    """A planned run.

    Attributes
    ----------
    architecture : {"transformer", "xlstm"}
    context_length : int
    shape : str
        Name in the protocol's ladder.
    steps : int
    seed : int
        Of weights and batches.
    design : str
        Why the run is there: ``isoflop``, ``token_param``, ``seed`` or ``preregistered``.
    budget : float or None
        FLOPs of an isoFLOP grid.
    """

    architecture: str
    context_length: int
    shape: str
    steps: int
    seed: int = 0
    design: str = "isoflop"
    budget: float | None = None

    @property
    def run_id(self) -> str:
        """Names the run: no two specs of a plan share it."""
        return f"{self.architecture}-{self.context_length}-{self.shape}-{self.steps}-s{self.seed}"
