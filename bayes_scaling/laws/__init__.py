"""The scaling laws, how they drift, and the optimum under a cost: functions of arrays."""
