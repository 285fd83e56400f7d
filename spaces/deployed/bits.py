"""Weights of 1, 2, 4 and 8 bits in bytes. Nothing here needs torch."""

import math

import numpy as np

from spaces.deployed.form import Array


def packed(levels: Array, bits: int) -> Array:
    """The levels of a weight (..., int8) as bytes (uint8), the first in the lowest bits, in row order.

    1 bit: 1 for +1, 0 for -1. More: two's complement. The last byte is filled with zeros.
    """
    flat = levels.reshape(-1)
    if bits == 1:
        return np.packbits(flat > 0, bitorder="little")
    if bits == 8:
        return flat.astype(np.int8).view(np.uint8)
    a_byte = 8 // bits
    values = flat.astype(np.int8).view(np.uint8) & (2**bits - 1)
    rows = np.pad(values, (0, -len(values) % a_byte)).reshape(-1, a_byte)
    return np.bitwise_or.reduce(rows << np.arange(0, 8, bits, dtype=np.uint8), axis=1).astype(np.uint8)


def packed_size(shape: tuple[int, ...], bits: int) -> int:
    """In bytes."""
    return -(-math.prod(shape) * bits // 8)
