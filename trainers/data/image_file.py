"""Opening image files with Pillow, with every kind of failure raised as a DataError."""

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from trainers.data.errors import DataError

FORMATS = ("JPEG", "PNG")
_PNG_DEPTH = 24  # the byte that holds it: the header is a PNG's first chunk
_BROKEN_IMAGE = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error)  # what Pillow raises on decoding


@contextmanager
def raised_as_data_errors(path: Path) -> Iterator[None]:
    """Within this context, an error of Pillow for the image at `path` becomes a DataError that says what is wrong.

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
        raise DataError(path, f"the file is no JPEG or PNG image ({path.stat().st_size} bytes)") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(path, f"the image is far too large ({error})") from error
    except _BROKEN_IMAGE as error:
        raise DataError(path, f"the image is truncated or broken ({error})") from error


def image_size(path: Path) -> tuple[int, int]:
    """(width, height) from the header, without decoding. Raises DataError for a file that isn't a JPEG or PNG."""
    with raised_as_data_errors(path), Image.open(path, formats=FORMATS) as image:
        return image.size


def bits_per_channel(image: Image.Image, content: bytes) -> int:
    """The bit depth that the file states: Pillow may open PNGs of 16 bits in modes of 8 bits. Its JPEGs always have 8.

    `image` must have been opened from `content`.
    """
    return content[_PNG_DEPTH] if image.format == "PNG" else 8
