"""What an encoded picture is, from its bytes alone: format, upright size, and whether the file is whole.

No pixel is decoded. Damage inside the compressed data of a complete JPEG or WebP is not seen here.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

MAX_PIXELS = 64_000_000  # the limit that inference decodes with

_EXIF_ORIENTATION = 0x0112
_SIDEWAYS = (5, 6, 7, 8)
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_WITHOUT_LENGTH = frozenset((0x01, *range(0xD0, 0xD8)))
_PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}


class UnusablePicture(Exception):  # noqa: N818 - it describes the picture, not a fault of the program
    """A file that cannot be labelled; its text is one line for the person who uploaded it."""


@dataclass(frozen=True)
class Picture:
    """A complete picture. `width` and `height` are upright, in pixels; `depth` counts the channels."""

    format: str
    width: int
    height: int
    depth: int


@dataclass(frozen=True)
class _Header:
    format: str
    width: int
    height: int
    depth: int
    orientation: int = 1


def inspect(content: bytes) -> Picture:
    """Read a JPEG, PNG, WebP or BMP file; UnusablePicture says why it cannot be used."""
    if not content:
        raise UnusablePicture("the file is empty")
    try:
        header = _header(content)
    except (struct.error, IndexError, zlib.error) as error:
        raise UnusablePicture("the file is damaged or cut off") from error
    if header.width < 1 or header.height < 1:
        raise UnusablePicture(f"{header.format}: its header says {header.width}x{header.height} pixels")
    if header.width * header.height > MAX_PIXELS:
        raise UnusablePicture(
            f"{header.format}: {header.width}x{header.height} pixels are more than the {MAX_PIXELS} allowed"
        )
    sideways = header.orientation in _SIDEWAYS
    width, height = (header.height, header.width) if sideways else (header.width, header.height)
    return Picture(header.format, width, height, header.depth)


def _header(content: bytes) -> _Header:
    if content.startswith(b"\xff\xd8\xff"):
        return _jpeg(content)
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return _png(content)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return _webp(content)
    if content.startswith(b"BM") and len(content) >= 26:
        return _bmp(content)
    known = {b"II*\0": "TIFF", b"MM\0*": "TIFF", b"GIF8": "GIF", b"%PDF": "PDF"}.get(content[:4], "this file")
    raise UnusablePicture(f"{known} is not one of JPEG, PNG, WebP and BMP: convert it to one of them")


def _jpeg(content: bytes) -> _Header:
    frame, orientation, scanned = None, 1, False
    for marker, start, end in _jpeg_segments(content):
        if marker in _START_OF_FRAME:
            height, width, depth = struct.unpack_from(">HHB", content, start + 1)
            frame = (width, height, depth)
        elif marker == 0xE1 and content[start : start + 6] == b"Exif\0\0":
            orientation = _orientation(content[start + 6 : end])
        scanned = scanned or marker == 0xDA
    if frame is None or not scanned:
        raise UnusablePicture("JPEG: the file holds no picture data")
    return _Header("JPEG", *frame, orientation)


def _jpeg_segments(content: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and end of each segment up to the end of the image."""
    at = 2
    while True:
        at = _next_marker(content, at)
        marker = content[at + 1]
        at += 2
        if marker == 0xD9:
            return
        if marker in _WITHOUT_LENGTH:
            continue
        length = struct.unpack_from(">H", content, at)[0]
        if length < 2 or at + length > len(content):
            raise UnusablePicture("JPEG: the file is cut off or damaged")
        yield marker, at + 2, at + length
        at += length


def _next_marker(content: bytes, at: int) -> int:
    """Find the next marker: after a scan's header that skips its compressed data."""
    while True:
        at = content.find(b"\xff", at)
        if at < 0 or at + 1 >= len(content):
            raise UnusablePicture("JPEG: the file is cut off: it has no end of image")
        follower = content[at + 1]
        if follower not in (0x00, 0xFF) and not 0xD0 <= follower <= 0xD7:
            return at
        at += 1 if follower == 0xFF else 2


def _png(content: bytes) -> _Header:
    header, orientation, has_data = None, 1, False
    inflater = zlib.decompressobj()
    for kind, body in _png_chunks(content):
        if kind == b"IHDR":
            width, height, _, colour = struct.unpack_from(">IIBB", body)
            header = (width, height, _PNG_CHANNELS.get(colour, 3))
        elif kind == b"eXIf":
            orientation = _orientation(body)
        elif kind == b"IDAT":
            has_data = True
            _inflate(inflater, body)
    if header is None or not has_data:
        raise UnusablePicture("PNG: the file holds no picture data")
    if not inflater.eof:
        raise UnusablePicture("PNG: its picture data is incomplete")
    return _Header("PNG", *header, orientation)


def _inflate(inflater: "zlib._Decompress", body: bytes) -> None:
    """Follow the compressed stream without keeping what comes out."""
    while body and not inflater.eof:
        inflater.decompress(body, 1 << 20)
        body = inflater.unconsumed_tail


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while True:
        if at + 12 > len(content):
            raise UnusablePicture("PNG: the file is cut off: it has no end of image")
        length, kind = struct.unpack_from(">I4s", content, at)
        body = content[at + 8 : at + 8 + length]
        if at + 12 + length > len(content):
            raise UnusablePicture("PNG: the file is cut off")
        if zlib.crc32(kind + body) != struct.unpack_from(">I", content, at + 8 + length)[0]:
            part = kind.decode("ascii", "replace")
            raise UnusablePicture(f"PNG: the check sum of its part {part} is wrong")
        if kind == b"IEND":
            return
        yield kind, body
        at += 12 + length


def _webp(content: bytes) -> _Header:
    size = struct.unpack_from("<I", content, 4)[0]
    if size + 8 > len(content):
        raise UnusablePicture("WebP: the file is cut off")
    found, orientation, at = None, 1, 12
    while at + 8 <= size + 8:
        kind, length = struct.unpack_from("<4sI", content, at)
        body = content[at + 8 : at + 8 + length]
        if kind in (b"VP8 ", b"VP8L", b"ANMF"):
            found = found or _webp_size(kind, body)
        elif kind == b"EXIF":
            orientation = _orientation(body.removeprefix(b"Exif\0\0"))
        at += 8 + length + length % 2
    if found is None:
        raise UnusablePicture("WebP: the file holds no picture data")
    return _Header("WebP", *found, orientation)


def _webp_size(kind: bytes, body: bytes) -> tuple[int, int, int]:
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", body, 6)
        return width & 0x3FFF, height & 0x3FFF, 3
    if kind == b"VP8L":
        bits = struct.unpack_from("<I", body, 1)[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, 4 if bits >> 28 & 1 else 3
    width, height = (int.from_bytes(body[at : at + 3], "little") + 1 for at in (6, 9))
    return width, height, 4


def _bmp(content: bytes) -> _Header:
    size, offset = struct.unpack_from("<2xI4xI", content)
    width, height, bits = struct.unpack_from("<ii2xH", content, 18)
    if max(size, offset + 1) > len(content):
        raise UnusablePicture("BMP: the file is cut off")
    return _Header("BMP", width, abs(height), {32: 4}.get(bits, 3))


def _orientation(tiff: bytes) -> int:
    """Read the orientation, 1 to 8, of an EXIF block; 1 where it says nothing that can be read."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return 1
    try:
        directory = struct.unpack_from(f"{order}I", tiff, 4)[0]
        count = struct.unpack_from(f"{order}H", tiff, directory)[0]
        for at in range(directory + 2, directory + 2 + 12 * count, 12):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", tiff, at)
            if tag == _EXIF_ORIENTATION and kind == 3:
                return int(value) if 1 <= value <= 8 else 1
    except struct.error:
        return 1
    return 1
