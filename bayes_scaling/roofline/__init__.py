"""Time and memory of inference as sums of kernels: pure functions of arrays.

`workload` counts what a query asks of a device, `formula` turns counts and coefficients into seconds,
`memory` into bytes, and `parameters` names the coefficients with their priors.
"""
