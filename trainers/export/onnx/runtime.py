"""onnxruntime: the one file that imports it."""

from collections.abc import Mapping
from typing import Any

import onnxruntime

version: str = onnxruntime.__version__
ERRORS = 3


class Session:
    """A model on the CPU, on one thread, optimized as onnxruntime does by default."""

    def __init__(self, content: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = ERRORS
        self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        self._names = [output.name for output in self._session.get_outputs()]

    def __call__(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Outputs by name, of inputs by name."""
        return dict(zip(self._names, self._session.run(None, dict(given)), strict=True))
