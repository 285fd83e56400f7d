"""Opening image files with Pillow, with every kind of failure raised as a DataError."""

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from trainers.data.errors import DataError

FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP")
"""The formats by Pillow's names. A JPEG may have further pictures behind it, as telephones write it (MPO)."""

_PNG_DEPTH = 24  # the byte that holds it: the header is a PNG's first chunk
_TIFF_BITS = 258  # the tag with the bits of each channel
_ORIENTATION = 0x0112  # the EXIF tag
_BROKEN_IMAGE = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error)  # what Pillow raises on decoding

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns the stored pixels upright, by orientation; any other value means upright already."""

_SWAPPED = (5, 6, 7, 8)
_BACK = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
"""What undoes an entry of `_UPRIGHT`, where that isn't the entry itself."""


@contextmanager
def raised_as_data_errors(where: Path | str) -> Iterator[None]:
    """Within this context, an error of Pillow for the image at `where` becomes a DataError that says what is wrong.

    An image of more pixels than Pillow's `MAX_IMAGE_PIXELS` (some 89 million) is refused by its header. Pillow's
    warnings, such as of broken EXIF data, are no defects and name no file, so they are hidden.
    """
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except DataError:
        raise
    except UnidentifiedImageError as error:
        kinds = "JPEG, PNG, BMP, TIFF or WebP image"
        raise DataError(where, f"the file is no {kinds} ({Path(where).stat().st_size} bytes)") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(where, f"the image is far too large ({error})") from error
    except _BROKEN_IMAGE as error:
        raise DataError(where, f"the image is truncated or broken ({error})") from error


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """The first picture of an image file, not decoded yet; within this context Pillow's errors become DataErrors.

    Raises DataError for a file that can't be read or is no image of `FORMATS`, and for more than 8 bits a channel.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(path, f"the image can't be read ({error.strerror})") from error
    with raised_as_data_errors(path):
        image = Image.open(io.BytesIO(content), formats=FORMATS)
        if (bits := bits_per_channel(image, content)) > 8:
            raise DataError(path, f"the image has {bits} bits a channel, allowed are 8 or fewer")
        yield image


def image_size(path: Path) -> tuple[int, int]:
    """(width, height) of the upright image, from the header, without decoding. Raises DataError for other files."""
    with raised_as_data_errors(path), Image.open(path, formats=FORMATS) as image:
        return _upright_size(image, orientation(image))


def orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 where none can be read. A PNG's counts if it stands before the pixels."""
    try:
        if image.format == "PNG":  # Pillow would decode the whole image to look behind the pixels
            exif = Image.Exif()
            exif.load(image.info.get("exif", b""))
        else:
            exif = image.getexif()
        value = exif.get(_ORIENTATION)
    except (*_BROKEN_IMAGE, TypeError, KeyError):
        return 1
    return value if value in _UPRIGHT else 1


def sizes(image: Image.Image, turn: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """(width, height) of the image upright, and as its pixels are stored, for an image that isn't loaded yet."""
    upright = _upright_size(image, turn)
    return upright, upright[::-1] if turn in _SWAPPED else upright


def as_rgb(image: Image.Image, turn: int, *, stored: bool = False) -> Image.Image:
    """The image in 8-bit RGB, upright, or with its pixels as they are stored. Transparency is dropped."""
    pixels = image.convert("RGB")
    turned_by_pillow = image.format == "TIFF"
    if turn not in _UPRIGHT or stored != turned_by_pillow:
        return pixels
    return pixels.transpose(_BACK.get(turn, _UPRIGHT[turn]) if stored else _UPRIGHT[turn])


def bits_per_channel(image: Image.Image, content: bytes) -> int:
    """The bit depth that the file states: Pillow may open images of 16 bits in modes of 8 bits.

    `image` must have been opened from `content`. JPEG, BMP and WebP have 8 or fewer.
    """
    if image.format == "PNG":
        return content[_PNG_DEPTH]
    if image.format == "TIFF":
        stated = image.tag_v2.get(_TIFF_BITS, 1)  # type: ignore[attr-defined]
        return max(stated) if isinstance(stated, tuple) else int(stated)
    return 8


def _upright_size(image: Image.Image, turn: int) -> tuple[int, int]:
    turned_by_pillow = image.format == "TIFF"
    return image.size[::-1] if turn in _SWAPPED and not turned_by_pillow else image.size
