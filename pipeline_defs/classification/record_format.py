"""How MXNet's RecordIO lays out one record, byte for byte.

A record is a run of parts; each part is the magic number, a word of kind (3 bits) and length (29 bits), and
its content, padded with zeros to 4 bytes. Content with the magic number at an offset divisible by 4 is cut
there and the number left out, so that a reader which is lost finds the next record. The content is a header
(label, id) and the payload. Source: dmlc-core `recordio.h`, MXNet 1.9.1 `recordio.py`; ADR 34.
"""

import struct
from dataclasses import dataclass

from pipeline_defs.common.job import JobError

MAGIC = struct.pack("<I", 0xCED7230A)
LARGEST = (1 << 29) - 1  # bytes of a record, its header included
_PART = struct.Struct("<4sI")
_HEADER = struct.Struct("<IfQQ")  # length of a vector label or 0, label, id, second id
_WHOLE, _FIRST, _MIDDLE, _LAST = range(4)


class BadRecords(JobError):  # noqa: N818 - the name that callers read
    """Records that are not whole, or cannot be written; the message names the file."""


@dataclass(frozen=True)
class Record:
    """A labelled payload: a picture's JPEG bytes; `label` is a number, or several."""

    label: float | tuple[float, ...]
    id: int
    payload: bytes


def pack(record: Record) -> bytes:
    """Return a record's content: the header, the numbers of a vector label, the payload."""
    if isinstance(record.label, tuple):
        numbers = struct.pack(f"<{len(record.label)}f", *record.label)
        return _HEADER.pack(len(record.label), 0.0, record.id, 0) + numbers + record.payload
    return _HEADER.pack(0, record.label, record.id, 0) + record.payload


def unpack(content: bytes, where: str) -> Record:
    """Return the record of a content; raises BadRecords, naming `where`, if that is too short."""
    if len(content) < _HEADER.size:
        raise BadRecords(f"{where}: {len(content)} bytes are no record of a label and a picture")
    length, label, identifier, _ = _HEADER.unpack_from(content)
    if not length:
        return Record(label, identifier, content[_HEADER.size :])
    end = _HEADER.size + 4 * length
    if len(content) < end:
        raise BadRecords(f"{where}: shorter than its {length} labels")
    return Record(struct.unpack_from(f"<{length}f", content, _HEADER.size), identifier, content[end:])


def frame(content: bytes) -> bytes:
    """Return content as it lies in a file: in parts, each with its head and padding."""
    if len(content) > LARGEST:
        raise BadRecords(f"a record of {len(content)} bytes: RecordIO takes up to {LARGEST}")
    cuts = _cuts(content)
    if not cuts:
        return _part(_WHOLE, content)
    starts = [0, *(cut + len(MAGIC) for cut in cuts)]
    ends = [*cuts, len(content)]
    kinds = [_FIRST, *[_MIDDLE] * (len(cuts) - 1), _LAST]
    return b"".join(
        _part(kind, content[start:end]) for kind, start, end in zip(kinds, starts, ends, strict=True)
    )


def unframe(framed: bytes, where: str) -> bytes:
    """Return the content of a record's parts; raises BadRecords, naming `where`, if they are not one."""
    kind, content, start = _next_part(framed, 0, where)
    parts, kinds = [content], [kind]
    while kind in (_FIRST, _MIDDLE):
        kind, content, start = _next_part(framed, start, where)
        parts.append(content)
        kinds.append(kind)
    expected = [_FIRST, *[_MIDDLE] * (len(parts) - 2), _LAST] if len(parts) > 1 else [_WHOLE]
    if kinds != expected or start != len(framed):
        raise BadRecords(f"{where}: its parts are not one record: the file or its index is damaged")
    return MAGIC.join(parts)


def framed_size(head: bytes) -> int | None:
    """Return the size of the part that begins with these 8 bytes; None if none does."""
    if len(head) < _PART.size or head[: len(MAGIC)] != MAGIC:
        return None
    length = _PART.unpack_from(head)[1] & LARGEST
    return int(_PART.size + length + -length % 4)


def _cuts(content: bytes) -> list[int]:
    cuts = []
    found = content.find(MAGIC)
    while found >= 0:
        if found % 4 == 0:
            cuts.append(found)
        found = content.find(MAGIC, found + (4 if found % 4 == 0 else 1))
    return cuts


def _part(kind: int, content: bytes) -> bytes:
    length = len(content)
    return _PART.pack(MAGIC, kind << 29 | length) + content + bytes(-length % 4)


def _next_part(framed: bytes, start: int, where: str) -> tuple[int, bytes, int]:
    """Return the kind and content of the part at `start`, and where the next one starts."""
    size = framed_size(framed[start : start + _PART.size])
    if size is None:
        raise BadRecords(f"{where}: no record begins here: not RecordIO, cut off, or another file's index")
    if len(framed) < start + size:
        raise BadRecords(f"{where}: the record is cut off")
    word = _PART.unpack_from(framed, start)[1]
    begin = start + _PART.size
    return word >> 29, framed[begin : begin + (word & LARGEST)], start + size
