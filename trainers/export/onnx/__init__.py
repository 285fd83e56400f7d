"""A detector as an ONNX graph of standard operators, with 1-bit weights packed in bytes."""
