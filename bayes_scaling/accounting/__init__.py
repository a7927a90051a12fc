"""Accounting: parameters, FLOPs, bytes and memory of architectures, shape families and costs.

Pure functions of arrays. A new architecture is one small file of formulas and one registry entry, or a
table of measured FLOPs.
"""

from bayes_scaling.accounting.architecture import Architecture
from bayes_scaling.accounting.costs import Cost, fit_families, get_cost, register_cost
from bayes_scaling.accounting.families import ShapeFamily, fit_family
from bayes_scaling.accounting.flop_table import FlopTable, flop_table
from bayes_scaling.accounting.planning import RealShape, nearest_shape
from bayes_scaling.accounting.registry import (
    architectures,
    forget_architecture,
    get_architecture,
    register_architecture,
)
from bayes_scaling.accounting.shapes import AccountingError, Shape, shape_from_columns
from bayes_scaling.accounting.work import Decoding, Precision, Work

__all__ = [
    "AccountingError",
    "Architecture",
    "Cost",
    "Decoding",
    "FlopTable",
    "Precision",
    "RealShape",
    "Shape",
    "ShapeFamily",
    "Work",
    "architectures",
    "fit_families",
    "fit_family",
    "flop_table",
    "forget_architecture",
    "get_architecture",
    "get_cost",
    "nearest_shape",
    "register_architecture",
    "register_cost",
    "shape_from_columns",
]
