"""Binary layers and the searchable unit that switches between them."""

from spaces.layers.methods import METHODS, Method
from spaces.layers.unit import LayerTrace, MethodsFor, SearchableUnit

__all__ = ["METHODS", "LayerTrace", "Method", "MethodsFor", "SearchableUnit"]
