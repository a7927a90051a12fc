"""How programs that share one result find the last of them, which finishes it."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def last_to_arrive(arrivals, expected):
    """Whether all other programs have been here; the count is zero again for the next launch.

    What a program stored before its arrival, the last one may load after its own: the barrier orders the
    threads of a program, and the atomic addition orders the programs.
    """
    tl.debug_barrier()
    before = tl.atomic_add(arrivals, 1.0, sem="acq_rel")
    last = before == expected - 1
    if last:
        tl.store(arrivals, 0.0)
    return last
