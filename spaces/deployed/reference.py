"""Layers as `rows` tells them, computed in plain numpy: whole numbers exactly, floats as near as float32 sums are.

q = input(x)                        -1/+1 by `threshold`, levels by `step`, or x behind its activation
p = q * weight, `pad_value` outside whole numbers, but where `kind` is float
s = q * second_weight, likewise     only where there is a `second_multiplier`
r = q * ones, likewise              only where there is a `box_multiplier`: a sum of signs for each group
y = multiplier p + second_multiplier s + box_multiplier r + offset
                                    the scale of weights, BatchNorm and bias in one; a GroupNorm stands before o.
                                    Where there is a gate, each image has multipliers of p and s of its own
y = post(y + shortcut(x))
"""

import json
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[Any]
Row = Mapping[str, Any]
Arrays = Mapping[str, Array]
BITS = {"binary": 1, "int8": 8, "int4": 4, "int2": 2}
TOLERANCE = 1e-5


def unpack(data: Array, bits: int, shape: tuple[int, ...]) -> Array:
    """Levels (int8) of a packed weight: -1 and +1 for 1 bit, else two's complement. Lowest bits first, in row order."""
    count = int(np.prod(shape))
    if bits == 1:
        return (np.unpackbits(data, count=count, bitorder="little").astype(np.int8) * 2 - 1).reshape(shape)
    if bits == 8:
        return data.view(np.int8).reshape(shape)
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    values = ((data[:, None] >> shifts) & (2**bits - 1)).reshape(-1)[:count].astype(np.int8)
    return np.where(values >= 2 ** (bits - 1), values - 2**bits, values).astype(np.int8).reshape(shape)


def layer(row: Row, arrays: Arrays, x: Array) -> tuple[Array, Array, Array]:
    """q, p and y of one layer. x (N, Ci, H, W), or rows (R, Ci) where the layer is linear; y accordingly."""
    maps = x[..., None, None] if row["linear"] else x
    q = quantized(row, arrays, maps)
    p = convolve(q, arrays["weight"], row)
    y = finished(row, arrays, p, x, boxes(q, arrays, row), second_sums(q, arrays, row))
    return (q, p, y[..., 0, 0]) if row["linear"] else (q, p, y)


def boxes(q: Array, arrays: Arrays, row: Row) -> Array | None:
    """r, for each output channel that of its group; None where the layer has none."""
    if "box_multiplier" not in arrays:
        return None
    weight = arrays["weight"]
    ones = np.ones((row["groups"], *weight.shape[1:]), np.int8)
    return convolve(q, ones, row).repeat(len(weight) // row["groups"], 1)


def second_sums(q: Array, arrays: Arrays, row: Row) -> Array | None:
    """s; None where the layer has none."""
    return convolve(q, arrays["second_weight"], row) if "second_multiplier" in arrays else None


def finished(row: Row, arrays: Arrays, p: Array, x: Array, r: Array | None = None, s: Array | None = None) -> Array:
    """y of the products' sums p, and of r and s if there are such; x is for the gate and the shortcut, if any."""
    factors = gate(arrays, x) if "gate_squeeze" in arrays else np.float32(1)
    y = p.astype(np.float32) * (arrays["multiplier"] * factors)[..., None, None]
    if s is not None:
        y = y + s.astype(np.float32) * (arrays["second_multiplier"] * factors)[..., None, None]
    if r is not None:
        y = y + r.astype(np.float32) * arrays["box_multiplier"][:, None, None]
    if row["norm_groups"]:
        y = group_norm(y, arrays, row["norm_groups"], row["norm_eps"])
    y = y + arrays["offset"][:, None, None]
    if row["shortcut"]:
        y = y + shortcut(row["shortcut"], arrays, x)
    if "slope" in arrays:
        y = y + arrays["before"][:, None, None]
        above = y * arrays["above"][:, None, None] if "above" in arrays else y
        y = np.where(y > 0, above, y * arrays["slope"][:, None, None]) + arrays["after"][:, None, None]
    return y


def gate(arrays: Arrays, x: Array) -> Array:
    """(N, Co): what an image's products are times."""
    opened = np.maximum(x.mean((2, 3)) @ arrays["gate_squeeze"].T, 0) @ arrays["gate_excite"].T
    factors: Array = 1 + np.tanh(opened / 2)  # twice the sigmoid
    return factors


def quantized(row: Row, arrays: Arrays, x: Array) -> Array:
    """What the layer multiplies: int8 -1 and +1, int16 levels, or floats."""
    if row["kind"] == "binary":
        threshold = arrays["threshold"]
        if "squeeze" in arrays:
            hidden = np.maximum(x.mean((2, 3)) @ arrays["squeeze"].T, 0)
            threshold = threshold - arrays["size"] * np.tanh(hidden @ arrays["excite"].T)
        return np.where(x >= threshold[..., None, None], 1, -1).astype(np.int8)
    x = np.minimum(x, np.float32(row["top"])) if row["top"] is not None else x
    if row["kind"] == "float":
        return np.maximum(x, 0) if row["rectified"] else x
    step = np.float32(row["step"])
    scaled = x / step if row["divides"] else x * (np.float32(1) / step)
    return np.clip(np.rint(scaled), row["low"], row["high"]).astype(np.int16)


def convolve(q: Array, weight: Array, row: Row) -> Array:
    """The products' sums: int64 of whole numbers, else float64."""
    k, pad, stride, dilation, groups = (row[name] for name in ("kernel", "padding", "stride", "dilation", "groups"))
    padded = np.pad(q, ((0, 0), (0, 0), (pad, pad), (pad, pad)), constant_values=row["pad_value"])
    reach = dilation * (k - 1) + 1
    windows = sliding_window_view(padded, (reach, reach), (2, 3))[:, :, ::stride, ::stride, ::dilation, ::dilation]
    parts = zip(np.split(windows, groups, axis=1), np.split(weight, groups), strict=True)
    # float64 holds such whole numbers exactly, and numpy multiplies it fast
    sums = [np.einsum("nchwij,ocij->nohw", a.astype(np.float64), b.astype(np.float64), optimize=True) for a, b in parts]
    joined = np.concatenate(sums, axis=1)
    return joined if row["kind"] == "float" else joined.astype(np.int64)


def group_norm(y: Array, arrays: Arrays, groups: int, eps: float) -> Array:
    """Over an image's groups of channels."""
    split = y.reshape(len(y), groups, -1)
    mean, variance = split.mean(2, keepdims=True), split.var(2, keepdims=True)
    normed = ((split - mean) / np.sqrt(variance + eps)).reshape(y.shape)
    return normed * arrays["norm_weight"][:, None, None] + arrays["norm_bias"][:, None, None]


def shortcut(row: Row, arrays: Arrays, x: Array) -> Array:
    """The way around: the mean of pixels, then a convolution of its own, or other channels; see `form.Shortcut`."""
    x = pooled(x, row["stride"])
    if row["layer"]:
        own = {name.removeprefix("shortcut."): a for name, a in arrays.items() if name.startswith("shortcut.")}
        return layer(row["layer"], own, x)[2]
    channels = row["channels"]
    if x.shape[1] > channels:
        return x.reshape(len(x), -1, channels, *x.shape[2:]).mean(1)
    return np.tile(x, (1, channels // x.shape[1], 1, 1))


def pooled(x: Array, stride: int) -> Array:
    """The mean of stride x stride pixels, of fewer at the right and lower end of odd maps."""
    height, width = (-(-size // stride) for size in x.shape[2:])
    total = np.zeros((*x.shape[:2], height, width), np.float64)
    count = np.zeros((height, width))
    for i in range(stride):
        for j in range(stride):
            part = x[:, :, i::stride, j::stride]
            total[:, :, : part.shape[2], : part.shape[3]] += part
            count[: part.shape[2], : part.shape[3]] += 1
    return (total / count).astype(np.float32)


def weight_of(packed: Any, row: Row) -> Array:
    """A layer's weight out of an opened packed file: levels (int8), or floats."""
    if row["kind"] == "float":
        weight: Array = packed.get_tensor(f"{row['name']}.weight").reshape(row["shape"])
        return weight
    return unpack(packed.get_tensor(f"{row['name']}.packed"), BITS[row["kind"]], tuple(row["shape"]))


def weights_of(packed: Any, row: Row, prefix: str = "") -> dict[str, Array]:
    """A layer's weights out of an opened packed file, behind a prefix: one, or two."""
    found = {f"{prefix}weight": weight_of(packed, row)}
    if (name := f"{row['name']}.second_packed") in packed.keys():  # noqa: SIM118 - no mapping
        found[f"{prefix}second_weight"] = unpack(packed.get_tensor(name), BITS[row["kind"]], tuple(row["shape"]))
    return found


def fault(row: Row, arrays: Arrays) -> str:
    """What differs between a layer's recorded integers and outputs and those computed here; empty where nothing."""
    q, p, y = layer(row, arrays, arrays["x"])
    if "q" in arrays and not np.array_equal(q, arrays["q"]):
        return f"{(q != arrays['q']).mean():.1%} of its inputs' levels"
    if "p" in arrays and not np.array_equal(p, arrays["p"]):
        return f"{(p != arrays['p']).mean():.1%} of its sums"
    if "second_p" in arrays and not np.array_equal(convolve(q, arrays["second_weight"], row), arrays["second_p"]):
        return "its sums with the second weight"
    if "p_threshold" in arrays:
        rising, threshold = arrays["p_rising"][:, None, None] > 0, arrays["p_threshold"][:, None, None]
        if not np.array_equal(np.where(rising, p >= threshold, p <= threshold), y.reshape(p.shape) >= 0):
            return "the signs by its integer thresholds"
    error = float(np.abs(y - arrays["y"]).max() / max(1.0, float(np.abs(arrays["y"]).max())))
    return "" if error <= TOLERANCE else f"its outputs, by {error:.1e} of the largest"


def main(packed_file: str, vectors_file: str) -> int:
    """Compare every recorded layer and print a line for each. The exit status is 1 where one differs."""
    from safetensors import safe_open

    with safe_open(packed_file, "np") as packed, safe_open(vectors_file, "np") as vectors:
        keys, failed = list(vectors.keys()), 0
        for name, row in json.loads(vectors.metadata()["layers"]).items():
            arrays = {key.rpartition("/")[2]: vectors.get_tensor(key) for key in keys if key.startswith(f"{name}/")}
            arrays |= weights_of(packed, row)
            if row["shortcut"] and row["shortcut"]["layer"]:
                arrays |= weights_of(packed, row["shortcut"]["layer"], "shortcut.")
            differs = fault(row, arrays)
            failed += bool(differs)
            print(f"{name} ({row['kind']}): {f'DIFFERS in {differs}' if differs else 'the same'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
