"""Pictures of many kinds with one object at a known place, and files that are no pictures."""

import struct
import zlib

import numpy as np
from PIL import Image

_STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""What makes of an upright picture the pixels that a file of this EXIF orientation stores."""


def object_box(width, height):
    """Where the object is in a picture of this size: on whole pixels of a square of 100."""
    return [0.2 * width, 0.3 * height, 0.6 * width, 0.8 * height]


def scene(width=200, height=120, mode="RGB"):
    """A red object on blue; in modes without colour a white one on black."""
    ground, ink = ((0, 0, 255), (255, 0, 0)) if mode in ("RGB", "P") else ((0, 0, 0), (255, 255, 255))
    image = Image.new("RGB", (width, height), ground)
    image.paste(ink, tuple(round(edge) for edge in object_box(width, height)))
    return image.convert(mode)


def turned(path, orientation, form="JPEG", width=200, height=120):
    """A file that shows the scene upright where its EXIF orientation is obeyed."""
    image = scene(width, height)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = image.transpose(_STORED[orientation]) if orientation in _STORED else image
    stored.save(path, form, exif=exif, **({"lossless": True} if form == "WEBP" else {"quality": 95}))
    return path


def readable(folder):
    """Pictures that can be read, by kind: path, width and height when upright."""
    other = Image.new("RGB", (200, 120), (255, 255, 255))
    clear = scene(mode="P")
    clear.info["transparency"] = 0
    through = scene().convert("RGBA")
    through.putalpha(Image.new("L", through.size, 128))
    files = {
        "grey.png": (scene(mode="L"), {}),
        "bits.png": (scene(mode="1"), {}),
        "cmyk.jpg": (scene(mode="CMYK"), {"quality": 95}),
        "cmyk.tif": (scene(mode="CMYK"), {}),
        "rgba.png": (through, {}),
        "palette.png": (scene(mode="P"), {}),
        "clear.png": (clear, {"transparency": 0}),
        "grey_alpha.png": (scene(mode="LA"), {}),
        "animated.webp": (scene(), {"save_all": True, "append_images": [other], "lossless": True}),
        "wide.png": (scene(8000, 300), {}),
        "tall.jpg": (scene(30, 2000), {"quality": 95}),
        "no_ending": (scene(), {"format": "BMP"}),
    }
    for name, (image, options) in files.items():
        image.save(folder / name, **options)
    return {name: (folder / name, *image.size) for name, (image, _) in files.items()}


def unreadable(folder):
    """Files that can't be read, by kind: path and a part of the reason."""
    scene().save(folder / "whole.jpg", quality=95)
    deep = np.full((120, 200), 40_000, dtype=np.uint16)
    Image.fromarray(deep).save(folder / "deep.png")
    scene().save(folder / "moving.gif", save_all=True, append_images=[scene().rotate(180)])
    content = {
        "cut.jpg": ((folder / "whole.jpg").read_bytes()[:-800], "truncated or broken"),
        "empty.jpg": (b"", r"no JPEG, PNG, BMP, TIFF or WebP image \(0 bytes\)"),
        "text.png": (b"no picture\n", r"no JPEG, PNG, BMP, TIFF or WebP image \(11 bytes\)"),
        "bomb.png": (_huge_png(), "the image is far too large"),
    }
    for name, (text, _) in content.items():
        (folder / name).write_bytes(text)
    (folder / "whole.jpg").unlink()
    reasons = {name: reason for name, (_, reason) in content.items()}
    reasons |= {
        "deep.png": "16 bits a channel, allowed are 8 or fewer",
        "moving.gif": "no JPEG, PNG, BMP, TIFF or WebP",
    }
    return {name: (folder / name, reason) for name, reason in reasons.items()}


def _huge_png(side=30_000):
    """The header of a PNG of 900 million pixels, and next to nothing behind it."""
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"")),
        (b"IEND", b""),
    ]
    chunks = [struct.pack(">I", len(x)) + kind + x + struct.pack(">I", zlib.crc32(kind + x)) for kind, x in parts]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
