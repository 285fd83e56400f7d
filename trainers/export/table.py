"""The targets of `bitfront export --to`, in one visible table."""

from trainers.export.exporter import Exporter
from trainers.export.onnx_model import ONNX
from trainers.export.openvino_ir import OPENVINO
from trainers.export.packed import PACKED

EXPORTERS: dict[str, Exporter] = {
    # safetensors with one bit for each binary weight: docs/reference/packed.md
    "packed": PACKED,
    # a graph of OpenVINO with 1-bit kernels: docs/reference/openvino.md
    "openvino": OPENVINO,
    # a graph of ONNX's standard operators, small but not fast: docs/reference/onnx.md
    "onnx": ONNX,
}
