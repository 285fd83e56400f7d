"""Image files as they come: opened by Pillow, whatever is wrong with them told in one way."""

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
def told_as_data_errors(path: Path) -> Iterator[None]:
    """Within it, what Pillow raises for the image at `path` becomes a DataError that says what is wrong.

    An image of more pixels than Pillow's `MAX_IMAGE_PIXELS` (some 89 million) is refused by its header. What Pillow
    only warns of, such as broken EXIF data, is no defect, and its warnings name no file: they aren't shown.
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
    """(width, height) as the header says; nothing is decoded. Raises DataError for what is no JPEG or PNG."""
    with told_as_data_errors(path), Image.open(path, formats=FORMATS) as image:
        return image.size


def bits_per_channel(image: Image.Image, content: bytes) -> int:
    """As the file says: Pillow opens PNGs of 16 bits in modes of 8 too. It opens no JPEG of other than 8.

    `image` is what was opened from `content`.
    """
    return content[_PNG_DEPTH] if image.format == "PNG" else 8
