"""Binary layers and the searchable unit that switches between them."""

from spaces.layers.alternative import LayerTrace, UnitShape
from spaces.layers.methods import METHODS, OPTIONS, REAL, WIDTHS, Method, is_binary, learns_scale, method
from spaces.layers.opened import OpenedConv, OpenedLayer, OpenedLinear
from spaces.layers.unit import MethodsFor, SearchableUnit

__all__ = [
    "METHODS",
    "OPTIONS",
    "REAL",
    "WIDTHS",
    "LayerTrace",
    "Method",
    "MethodsFor",
    "OpenedConv",
    "OpenedLayer",
    "OpenedLinear",
    "SearchableUnit",
    "UnitShape",
    "is_binary",
    "learns_scale",
    "method",
]
