"""A detector as a graph of OpenVINO's operators, with 1-bit convolutions as its `BinaryConvolution`."""
