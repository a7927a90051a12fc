"""The scaling laws, how they drift, and the optimum under a cost: functions of arrays."""

from bayes_scaling.laws.law import LAWS, Law, get_law, register_law

__all__ = ["LAWS", "Law", "get_law", "register_law"]
