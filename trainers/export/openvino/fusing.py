"""Signs that OpenVINO's CPU would fuse into the layer before with wrong results: they are kept apart from it."""

from typing import Any

from trainers.export.openvino.runtime import op

BY_VALUE = frozenset({"Add", "BatchNormInference", "Clamp", "Multiply", "PRelu", "Relu", "Subtract"})
"""Operators on each value by itself, which are fused into the convolution before them."""


def keep_signs_apart(graph: Any) -> int:
    """Change a graph in place; how many signs were kept apart.

    A `BinaryConvolution` takes in what follows it: its shortcut's sum, operators by value, and a sign, unless something
    else reads the values too. A sign behind a sum with other operators in between comes out wrong then (found by trial,
    as all of 2026.4's traps here). A pooling of single pixels, which copies the map, stands between them.
    """
    found = [node for node in graph.get_ordered_ops() if _is_sign(node) and _follows_a_sum(node.input_value(0))]
    for sign in found:
        alone, none = [1, 1], [0, 0]
        copied = op.max_pool(sign.input_value(0), alone, alone, none, none, alone).output(0)
        sign.input(0).replace_source_output(copied)
    return len(found)


def _is_sign(node: Any) -> bool:
    return bool(node.get_type_name() == "FakeQuantize" and node.get_attributes()["levels"] == 2)


def _follows_a_sum(value: Any) -> bool:
    """Whether nothing but operators by value, read by nothing else, lies between a sum behind bits and this value."""
    if not all(_is_sign(reader.get_node()) for reader in value.get_target_inputs()):
        return False
    while value.get_node().get_type_name() in BY_VALUE:
        computed = _computed(value.get_node())
        if len(computed) > 1:
            return any(map(_follows_bits, computed))
        value = computed[0]
        if len(value.get_target_inputs()) > 1:
            return False
    return False


def _follows_bits(value: Any) -> bool:
    """Whether the value is a `BinaryConvolution`'s, or one with constants behind it."""
    while value.get_node().get_type_name() in BY_VALUE and len(_computed(value.get_node())) == 1:
        value = _computed(value.get_node())[0]
    return bool(value.get_node().get_type_name() == "BinaryConvolution")


def _computed(node: Any) -> list[Any]:
    """Its inputs that are no constants."""
    return [value for value in node.input_values() if value.get_node().get_type_name() != "Constant"]
