"""What the images of benchmarks/labeling.py are: all follows from an image's number.

Nine images in ten are labelled, the tenth waits. Of each ten thousand, no event told of three: an upload, an
upload over a labelled image, and a deletion.
"""

import struct
import zlib
from urllib.parse import quote

MODEL, BUCKET, TABLE = "tags", "images", "labeling"
MISSED_UPLOAD, MISSED_OVERWRITE, MISSED_DELETION = 7, 17, 20  # of the number, modulo 10,000
_PAGE_KEYS = 1000


def key_of(number: int) -> str:
    return f"images/{MODEL}/{number:08d}.png"


def number_of(key: str) -> int:
    return int(key[-12:-4])


def waits(number: int) -> bool:
    """Whether the ledger says at first that an image waits."""
    return number % 10 == 0


def in_bucket(number: int) -> bool:
    return number % 10_000 != MISSED_DELETION


def etag_of(number: int) -> str:
    return f'"{number:032x}"'


def time_of(number: int) -> tuple[str, str]:
    """When an image was uploaded, one a second: as the ledger writes it, and as HTTP does."""
    day, second = divmod(number, 24 * 3600)
    clock = f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
    return f"2026-01-{day + 1:02d}T{clock}Z", f"Thu, {day + 1:02d} Jan 2026 {clock} GMT"


def picture(number: int) -> bytes:
    """A PNG like no other."""
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", 60, 40, 8, 2, 0, 0, 0)),
        (b"tEXt", b"number\0%d" % number),
        (b"IDAT", zlib.compress(bytes(40 * (1 + 3 * 60)))),
        (b"IEND", b""),
    )
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def listing(images: int, query: dict[str, list[str]]) -> bytes:
    """A page of ListObjectsV2; its token is the last key of the page before."""
    after = query.get("continuation-token", query.get("start-after", [""]))[0]
    contents: list[str] = []
    number, last = number_of(after) + 1 if after else 0, ""
    while number < images and len(contents) < _PAGE_KEYS:
        if in_bucket(number):
            last = key_of(number)
            contents.append(
                f"<Contents><Key>{quote(last)}</Key><LastModified>{time_of(number)[0]}</LastModified>"
                f"<ETag>&quot;{number:032x}&quot;</ETag><Size>300</Size>"
                "<StorageClass>STANDARD</StorageClass></Contents>"
            )
        number += 1
    more = number < images
    token = f"<NextContinuationToken>{last}</NextContinuationToken>" if more else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<EncodingType>url</EncodingType><KeyCount>{len(contents)}</KeyCount>"
        f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{''.join(contents)}</ListBucketResult>"
    ).encode()
