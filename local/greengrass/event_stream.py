"""AWS event-stream messages, as Greengrass IPC frames them."""

import asyncio
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

Headers = Mapping[str, str | int | bool | bytes]

_PRELUDE = struct.Struct(">III")
_MOST_BYTES = 16 * 1024 * 1024
_INTEGERS = {2: ">b", 3: ">h", 4: ">i", 5: ">q", 8: ">q"}


class BadFrame(Exception):  # noqa: N818 - the name that callers read
    """Bytes that are no event-stream message."""


@dataclass(frozen=True)
class Frame:
    """One message."""

    headers: Headers
    payload: bytes = b""

    def number(self, name: str) -> int:
        """Return an integer header, 0 where it is missing."""
        value = self.headers.get(name, 0)
        return value if isinstance(value, int) else 0

    def text(self, name: str) -> str:
        """Return a text header, "" where it is missing."""
        value = self.headers.get(name, "")
        return value if isinstance(value, str) else ""


def encode(frame: Frame) -> bytes:
    """Return the bytes of a message; integers become int32 headers."""
    headers = b"".join(_encode_header(name, value) for name, value in frame.headers.items())
    total = _PRELUDE.size + len(headers) + len(frame.payload) + 4
    prelude = struct.pack(">II", total, len(headers))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + frame.payload
    return message + struct.pack(">I", zlib.crc32(message))


def _encode_header(name: str, value: str | int | bool | bytes) -> bytes:
    key = name.encode()
    start = struct.pack("B", len(key)) + key
    if isinstance(value, bool):
        return start + (b"\x00" if value else b"\x01")
    if isinstance(value, int):
        return start + b"\x04" + struct.pack(">i", value)
    content = value.encode() if isinstance(value, str) else value
    return (
        start + (b"\x07" if isinstance(value, str) else b"\x06") + struct.pack(">H", len(content)) + content
    )


async def read(stream: asyncio.StreamReader) -> Frame:
    """Read one message. Raises BadFrame, or IncompleteReadError at the end of the stream."""
    prelude = await stream.readexactly(_PRELUDE.size)
    total, header_bytes, checksum = _PRELUDE.unpack(prelude)
    if zlib.crc32(prelude[:8]) != checksum or not _PRELUDE.size + header_bytes + 4 <= total <= _MOST_BYTES:
        raise BadFrame("the prelude is damaged")
    rest = await stream.readexactly(total - _PRELUDE.size)
    if zlib.crc32(prelude + rest[:-4]) != struct.unpack(">I", rest[-4:])[0]:
        raise BadFrame("the checksum does not fit")
    return Frame(_decode_headers(rest[:header_bytes]), rest[header_bytes:-4])


def _decode_headers(content: bytes) -> dict[str, str | int | bool | bytes]:
    found: dict[str, str | int | bool | bytes] = {}
    position = 0
    try:
        while position < len(content):
            length = content[position]
            name = content[position + 1 : position + 1 + length].decode()
            position += 1 + length
            found[name], position = _decode_value(content, position)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise BadFrame(f"a header is damaged: {error}") from error
    return found


def _decode_value(content: bytes, position: int) -> tuple[str | int | bool | bytes, int]:
    kind, position = content[position], position + 1
    if kind in (0, 1):
        return kind == 0, position
    if kind in _INTEGERS:
        size = struct.calcsize(_INTEGERS[kind])
        return int(struct.unpack_from(_INTEGERS[kind], content, position)[0]), position + size
    if kind in (6, 7):
        (length,) = struct.unpack_from(">H", content, position)
        value = content[position + 2 : position + 2 + length]
        return (value.decode() if kind == 7 else value), position + 2 + length
    raise BadFrame(f"header type {kind} is not known")
