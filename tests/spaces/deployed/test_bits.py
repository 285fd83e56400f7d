"""Levels in bytes and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaces.deployed.bits import packed, packed_size
from spaces.deployed.reference import unpack

LEVELS = {1: (-1, 1), 2: (-2, -1, 0, 1), 4: tuple(range(-8, 8)), 8: tuple(range(-128, 128))}


@pytest.mark.parametrize(
    ("bits", "levels", "there"),
    [
        (1, [1, -1, -1, -1, -1, -1, -1, -1, 1, 1], [0b00000001, 0b11]),
        (2, [1, 0, -1, -2, 1], [0b10_11_00_01, 0b01]),
        (4, [7, -8, -1], [0x87, 0x0F]),
        (8, [-1, 127], [0xFF, 0x7F]),
    ],
)
def test_the_first_level_is_in_the_lowest_bits(bits, levels, there):
    assert packed(np.int8(levels), bits).tolist() == there


@given(st.data())
def test_unpacked_levels_are_those_that_were_packed(data):
    bits = data.draw(st.sampled_from(sorted(LEVELS)))
    shape = tuple(data.draw(st.lists(st.integers(1, 5), min_size=4, max_size=4)))
    count = int(np.prod(shape))
    levels = data.draw(st.lists(st.sampled_from(LEVELS[bits]), min_size=count, max_size=count))
    array = np.int8(levels).reshape(shape)
    there = packed(array, bits)
    assert (there.dtype, len(there)) == (np.uint8, packed_size(shape, bits))
    assert np.array_equal(unpack(there, bits, shape), array)
