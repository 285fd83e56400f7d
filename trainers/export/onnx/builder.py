"""Nodes and constants of an ONNX graph: the one file that imports onnx."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from spaces.deployed.form import Array
from trainers.export.exporter import WrongExportError

Output = str
"""The name of a node's result, of a constant, or of the graph's input."""

OPSET, IR_VERSION = 18, 8
"""Of the form: the first set of operators with `BitwiseAnd`. onnxruntime reads it from 1.14 on."""

version: str = onnx.__version__
FLOAT, BOOL = TensorProto.FLOAT, TensorProto.BOOL
TYPES = {"float32": TensorProto.FLOAT, "uint8": TensorProto.UINT8}


class Builder:
    """A graph under construction.

    The same operator on the same inputs, and the same constant, are made once: what the levels of a pyramid share
    stands in the file once.
    """

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[Any, onnx.TensorProto] = {}
        self._made: dict[Any, tuple[Output, ...]] = {}

    def op(self, kind: str, *inputs: Output, name: str = "", **attributes: Any) -> Output:
        """One node of one result. Empty inputs are left out ones. name: in front of a number, for those who read it."""
        return self.several(kind, 1, *inputs, name=name, **attributes)[0]

    def several(self, kind: str, count: int, *inputs: Output, name: str = "", **attributes: Any) -> tuple[Output, ...]:
        """One node of several results."""
        key = kind, count, inputs, tuple(sorted((each, repr(value)) for each, value in attributes.items()))
        if key not in self._made:
            number = len(self._made)
            outputs = (f"v{number}",) if count == 1 else tuple(f"v{number}.{place}" for place in range(count))
            unique = f"{name}:{number}" if name else None
            self.nodes.append(helper.make_node(kind, inputs, outputs, name=unique, **attributes))
            self._made[key] = outputs
        return self._made[key]

    def constant(self, values: Any, dtype: Any = np.float32) -> Output:
        """An array, or a number."""
        array = np.ascontiguousarray(values, dtype).reshape(np.shape(values))
        key = array.dtype.str, array.shape, array.tobytes()
        if key not in self.constants:
            self.constants[key] = numpy_helper.from_array(array, f"c{len(self.constants)}")
        return str(self.constants[key].name)

    def integers(self, *values: int) -> Output:
        """(n,) int64: axes, shapes."""
        return self.constant(values, np.int64)

    def by_channel(self, values: Array) -> Output:
        """(C,) as (1, C, 1, 1)."""
        return self.constant(values.reshape(1, -1, 1, 1))

    def model(
        self, inputs: Mapping[str, tuple[str, Sequence[int]]], results: Mapping[str, Output], name: str
    ) -> onnx.ModelProto:
        """The graph as a model, checked. inputs: type and shape by name. results: outputs by the name they get.

        Raises WrongExportError if onnx finds a fault in it.
        """
        named = [helper.make_node("Identity", [one], [result]) for result, one in results.items()]
        given = [helper.make_tensor_value_info(one, TYPES[kind], shape) for one, (kind, shape) in inputs.items()]
        made = [helper.make_tensor_value_info(result, FLOAT, None) for result in results]
        graph = helper.make_graph([*self.nodes, *named], name, given, made, list(self.constants.values()))
        opsets = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="bitfront")
        try:
            model = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
            del model.graph.value_info[:]  # the outputs keep their shapes
            onnx.checker.check_model(model, full_check=True)
        except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
            raise WrongExportError(f"onnx finds a fault in the graph: {error}.") from error
        return model
