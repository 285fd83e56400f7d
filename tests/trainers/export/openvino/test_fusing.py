"""Signs behind a sum and other operators, which OpenVINO's CPU would fuse into the convolution before wrongly."""

from dataclasses import replace

import numpy as np
import pytest
from random_layers import binary

from spaces.deployed.reference import layer as reference
from spaces.deployed.rows import arrays_of, row_of

pytest.importorskip("openvino", reason="openvino isn't installed: pip install '.[openvino]'")

from trainers.export.openvino.binary import binary_sums
from trainers.export.openvino.fusing import keep_signs_apart
from trainers.export.openvino.runtime import compiled, kernels, model, op

CHANNELS = 16
RNG = np.random.default_rng(0)
FACTOR, OFFSET = (RNG.normal(size=(1, CHANNELS, 1, 1)).astype(np.float32) for _ in range(2))
SLOPE = np.full(CHANNELS, 0.25, np.float32)


def unit(x):
    return op.add(op.multiply(binary_sums(binary(CHANNELS, CHANNELS, 3, 1, 1, 0), x), FACTOR), OFFSET).output(0)


def gated(x):
    factors = op.sigmoid(op.reduce_mean(x, [2, 3], True))
    return op.add(op.multiply(binary_sums(binary(CHANNELS, CHANNELS, 3, 1, 1, 0), x), factors), OFFSET).output(0)


def two_bases(x):
    first = binary(CHANNELS, CHANNELS, 3, 1, 1, 0)
    second = replace(first, weight=first.weight[::-1])
    sums = [op.multiply(binary_sums(one, x), factor) for one, factor in ((first, FACTOR), (second, OFFSET))]
    return op.add(op.add(*sums), OFFSET).output(0)


BETWEEN = {
    "nothing": (lambda x: unit(x), 0),
    "a gate": (lambda x: gated(x), 1),
    "a gate and a sum": (lambda x: op.add(gated(x), x).output(0), 0),
    "a gate, a sum and a PReLU": (lambda x: op.prelu(op.add(gated(x), x), SLOPE).output(0), 0),
    "two bases": (lambda x: two_bases(x), 1),
    "two bases and a sum": (lambda x: op.add(two_bases(x), x).output(0), 0),
    "a sum": (lambda x: op.add(unit(x), x).output(0), 1),
    "a sum and a norm": (lambda x: op.add(op.multiply(op.add(unit(x), x), FACTOR), OFFSET).output(0), 1),
    "a sum and a PReLU": (lambda x: op.prelu(op.add(unit(x), x), SLOPE).output(0), 1),
    "a sum, a PReLU and a pooling": (
        lambda x: op.avg_pool(op.prelu(op.add(unit(x), x), SLOPE), [2, 2], [0, 0], [0, 0], [2, 2], True).output(0),
        0,
    ),
}


@pytest.mark.parametrize("heads", [1, 2])
@pytest.mark.parametrize("name", BETWEEN)
def test_sums_behind_what_is_fused_are_the_same_whole_numbers(name, heads):
    build, apart = BETWEEN[name]
    layer = binary(CHANNELS, 8, 3, 1, 1, -1)
    x = np.random.default_rng(1).normal(size=(1, CHANNELS, 8, 10)).astype(np.float32)
    image = op.parameter(list(x.shape), np.float32)
    before = build(image.output(0))
    graph = model([binary_sums(layer, before) for _ in range(heads)], [image], "fused")
    assert keep_signs_apart(graph) == apart * heads
    ready = compiled(graph)
    made = ready([x])
    assert [kind for kind, _ in kernels(ready)].count("BinaryConvolution") == (2 if "bases" in name else 1) + heads
    given = compiled(model([before], [image], "alone"))([x])[0]
    for head in range(heads):
        wanted = reference(row_of(layer), arrays_of(layer), given)[1]
        assert np.mean(made[head] != wanted) < 0.01  # a sign may flip where rounding differs


def test_a_sign_of_values_that_something_else_reads_needs_no_care():
    x = op.parameter([1, CHANNELS, 4, 4], np.float32)
    y = op.prelu(op.add(unit(x.output(0)), x), SLOPE).output(0)
    graph = model([binary_sums(binary(CHANNELS, 8, 1, 1, 1, 0), y), op.relu(y).output(0)], [x], "shared")
    assert keep_signs_apart(graph) == 0
