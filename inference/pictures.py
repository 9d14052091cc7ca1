"""Encoded pictures in, upright RGB arrays out; what cannot be used is refused with a reason."""

import io
import struct
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

Picture = NDArray[np.uint8]

FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF")
MAX_PIXELS = 64_000_000
BACKGROUND = 114  # what shows through transparent pixels, and around a letterboxed picture

_EXIF_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# What Pillow's decoders raise on damaged files, beyond OSError.
DECODING_ERRORS = (
    OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, OverflowError,
    struct.error, zlib.error,
)  # fmt: skip


class BadPicture(Exception):  # noqa: N818 - the name that callers read
    """A picture that cannot be used; `reason` is one line for a person."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def decode(content: bytes, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """Decode an image file into uint8 RGB, shape (height, width, 3), turned upright by its EXIF orientation.

    Grayscale, palette, CMYK and 16-bit pictures are converted; transparent pixels show BACKGROUND; of several
    frames the first counts. Raises BadPicture for what is empty, damaged, not an image or over `max_pixels`.
    """
    if not content:
        raise BadPicture("the file is empty")
    try:
        with _open(content) as image:
            if image.width * image.height > max_pixels:
                raise BadPicture(
                    f"{image.width}x{image.height} pixels are more than the {max_pixels} that are allowed"
                )
            image.load()
            return _to_rgb(_upright(image))
    except UnidentifiedImageError as error:
        raise BadPicture("not a JPEG, PNG, BMP, WebP or TIFF image, or its header is damaged") from error
    except Image.DecompressionBombError as error:
        raise BadPicture(f"more pixels than the {max_pixels} that are allowed") from error
    except MemoryError as error:
        raise BadPicture("does not fit in memory") from error
    except DECODING_ERRORS as error:
        raise BadPicture(f"damaged or truncated image: {_one_line(error)}") from error


def _open(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content), formats=FORMATS)


def turn_of(image: Image.Image) -> Image.Transpose | None:
    """Return what turns the picture upright, by its EXIF orientation; None where it is."""
    try:
        orientation = image.getexif().get(_EXIF_ORIENTATION, 1)
    except DECODING_ERRORS:  # a picture with unreadable EXIF is still a picture
        return None
    return _UPRIGHT.get(orientation) if isinstance(orientation, int) else None


def _upright(image: Image.Image) -> Image.Image:
    turn = turn_of(image)
    return image if turn is None else image.transpose(turn)


def _to_rgb(image: Image.Image) -> Picture:
    # The largest pictures fill an endpoint's memory: a copy less lets a small one live on.
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _gray16_to_rgb(image)
    if image.has_transparency_data:
        image = _on_background(image)
    return np.array(image if image.mode == "RGB" else image.convert("RGB"), dtype=np.uint8)


def _on_background(image: Image.Image) -> Image.Image:
    image = image if image.mode == "RGBA" else image.convert("RGBA")
    backdrop = Image.new("RGB", image.size, (BACKGROUND, BACKGROUND, BACKGROUND))
    backdrop.paste(image, mask=image.getchannel("A"))
    return backdrop


def _gray16_to_rgb(image: Image.Image) -> Picture:
    values = None if image.mode == "F" else np.array(image, dtype=np.int32)
    if values is None or values.min() < 0 or values.max() > 65535:
        raise BadPicture("neither 8 nor 16 bits a channel: save it as an 8- or 16-bit picture")
    values += 128  # half of 257, which leads 65535 to 255
    values //= 257
    return np.repeat(values.astype(np.uint8)[:, :, None], 3, axis=2)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
