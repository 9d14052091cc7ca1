"""Whether a file is a picture that a model may learn from, by the rules of the configuration."""

import io
import struct
import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath

import simplejpeg
from PIL import Image, UnidentifiedImageError

from inference.pictures import DECODING_ERRORS, MAX_PIXELS, BadPicture, decode, turn_of
from pipeline_defs.classification.difference_hash import SMALLEST, difference_hash
from pipeline_defs.classification.settings import Quality

EMPTY, BROKEN, FORMAT, MISLABELLED = "empty", "broken", "format", "mislabelled type"
TOO_SMALL, TOO_LARGE, TOO_MANY_BYTES, ASPECT = "too small", "too large", "too many bytes", "aspect"

_NAMED = {
    ".jpg": "JPEG", ".jpeg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG", ".png": "PNG", ".bmp": "BMP",
    ".dib": "BMP", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF", ".gif": "GIF", ".heic": "HEIC",
    ".avif": "AVIF", ".pdf": "PDF",
}  # fmt: skip
_FIRST_BYTES = (
    (b"\xff\xd8\xff", "JPEG"), (b"\x89PNG\r\n\x1a\n", "PNG"), (b"BM", "BMP"), (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"), (b"GIF8", "GIF"), (b"%PDF", "PDF"),
)  # fmt: skip
_BRANDS = {b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIC", b"avif": "AVIF"}
_ON_THE_SIDE = (
    Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270,
    Image.Transpose.TRANSPOSE, Image.Transpose.TRANSVERSE,
)  # fmt: skip
_UNFILLED = bytes(64)  # compressed data does not end in so many zeros


class Refused(Exception):  # noqa: N818 - the name that callers read
    """A file that goes into quarantine: a fixed word, and what a person reads."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


@dataclass(frozen=True, slots=True)
class Facts:
    """What the data set keeps of a picture; width and height are of the upright one, in pixels."""

    format: str
    width: int
    height: int
    dhash: str


def check(content: bytes, uri: str, rules: Quality) -> Facts:
    """Read a picture whole; raises Refused with the first rule that it breaks.

    What passes, inference/pictures.py decodes too: upright, and of several frames the first.
    """
    if not content:
        raise Refused(EMPTY, "the file has no bytes")
    check_bytes(len(content), rules)
    kind = _kind(content, uri, rules)
    try:
        with Image.open(io.BytesIO(content), formats=(kind,)) as image:
            width, height = image.size
            _check_size(width, height, rules)
            turn, mode = turn_of(image), image.mode
    except Image.DecompressionBombError as error:
        raise Refused(TOO_LARGE, f"more than the {MAX_PIXELS} pixels that inference takes") from error
    except UnidentifiedImageError as error:  # its words hold an address of memory
        raise Refused(BROKEN, f"no {kind} beyond its first bytes: the header is damaged") from error
    except DECODING_ERRORS as error:
        raise Refused(BROKEN, f"damaged header: {one_line(error)}") from error
    gray = _gray(content, kind, mode, turn)
    if turn in _ON_THE_SIDE:
        width, height = height, width
    return Facts(kind, width, height, difference_hash(gray))


def check_bytes(size: int, rules: Quality) -> None:
    """Refuse a file of more bytes than the rules allow; it need not be read for that."""
    if size > rules.max_bytes:
        raise Refused(TOO_MANY_BYTES, f"more than max_bytes = {rules.max_bytes}")


def one_line(error: BaseException) -> str:
    """Return an error's words on one line."""
    return " ".join(str(error).split()) or type(error).__name__


def _kind(content: bytes, uri: str, rules: Quality) -> str:
    """Return the format by the first bytes; refuse what the name denies, or the rules do not list."""
    suffix = PurePosixPath(uri).suffix.lower()
    named, kind = _NAMED.get(suffix), _sniff(content[:16])
    if kind is None:
        if named in rules.formats:
            raise Refused(BROKEN, f"named {suffix}, but its first bytes are those of no picture")
        raise Refused(FORMAT, "no picture of a format that is known here")
    if named is not None and named != kind:
        raise Refused(MISLABELLED, f"named {suffix}, but its bytes are {kind}")
    if kind not in rules.formats:
        raise Refused(FORMAT, f"{kind}; the rules take {', '.join(rules.formats)}")
    return kind


def _sniff(start: bytes) -> str | None:
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "WEBP"
    if start[4:8] == b"ftyp":
        return _BRANDS.get(start[8:12])
    return next((kind for first, kind in _FIRST_BYTES if start.startswith(first)), None)


def _check_size(width: int, height: int, rules: Quality) -> None:
    size, short, long = f"{width}x{height}", min(width, height), max(width, height)
    if short < rules.min_side:
        raise Refused(TOO_SMALL, f"{size}; min_side = {rules.min_side}")
    if long > rules.max_side:
        raise Refused(TOO_LARGE, f"{size}; max_side = {rules.max_side}")
    if width * height > MAX_PIXELS:
        raise Refused(TOO_LARGE, f"{size}, more than the {MAX_PIXELS} pixels that inference takes")
    if long > short * rules.max_aspect:
        raise Refused(ASPECT, f"{size}; max_aspect = {rules.max_aspect}")


def _gray(content: bytes, kind: str, mode: str, turn: Image.Transpose | None) -> Image.Image:
    """Decode to the end, and return the upright picture in gray; a JPEG's may be scaled down."""
    if kind == "JPEG":
        gray = _strict_jpeg(content, "CMYK" if mode == "CMYK" else "GRAY")
        if gray is not None:
            return gray if turn is None else gray.transpose(turn)
    elif kind == "PNG":
        _check_chunks(content)
    elif kind == "WEBP" and content.endswith(_UNFILLED):
        raise Refused(BROKEN, "ends in zeros: it was never written to its end")
    try:
        return Image.fromarray(decode(content)).convert("L")
    except BadPicture as error:
        raise Refused(FORMAT if mode in ("I", "F") else BROKEN, error.reason) from error


def _strict_jpeg(content: bytes, colorspace: str) -> Image.Image | None:
    """Decode, and refuse what libjpeg only warns of: Pillow fills a lost half with gray and says nothing.

    Scaling down leaves no part of the file unread. CMYK is only checked.
    """
    smallest = SMALLEST if colorspace == "GRAY" else 0
    try:
        pixels = simplejpeg.decode_jpeg(content, colorspace, min_height=smallest, min_width=smallest)
    except ValueError as error:
        raise Refused(BROKEN, f"damaged: {one_line(error)}") from error
    return Image.fromarray(pixels[:, :, 0]) if colorspace == "GRAY" else None


def _check_chunks(content: bytes) -> None:
    """Compare every chunk of a PNG with its checksum, up to the one that ends it."""
    place, view = 8, memoryview(content)
    while place + 12 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, place)
        end = place + 8 + length
        if end + 4 > len(content):
            break
        if zlib.crc32(view[place + 4 : end]) != struct.unpack_from(">I", content, end)[0]:
            raise Refused(BROKEN, f"the checksum at byte {end} is not that of its data")
        if kind == b"IEND":
            return
        place = end + 4
    raise Refused(BROKEN, "truncated: it has no end")
