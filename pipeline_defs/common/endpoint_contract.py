"""What an endpoint promises its callers, case by case: what it takes, what it refuses, that it lives on."""

import io
import json
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image

from inference.endpoint_requests import MAX_BYTES
from inference.pictures import MAX_PIXELS
from pipeline_defs.common.endpoint import Reply, Request

ANSWERED = "200"
REFUSED = "4xx"  # by SageMaker or by the model, whoever comes first
_WIDTH, _HEIGHT = 96, 64
_LARGEST = int(MAX_PIXELS**0.5)
_FORMATS = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/bmp": "BMP",
    "image/webp": "WEBP",
    "image/tiff": "TIFF",
    "application/x-image": "JPEG",
    "application/octet-stream": "PNG",
}

Ask = Callable[[Request], Reply]


@dataclass(frozen=True)
class Case:
    """A request and the status that it has to get; `size` is that of the picture, where there is one.

    An answer is JSON with the picture's `width` and `height` and the list `holds`.
    """

    name: str
    expected: str
    request: Request
    size: tuple[int, int] = (_WIDTH, _HEIGHT)
    holds: str = "detections"


@dataclass(frozen=True)
class Finding:
    """How a case went."""

    case: str
    expected: str
    status: int | None
    reason: str
    passed: bool


def contract(*, holds: str) -> list[Case]:
    """List the cases that each task has; `holds` is what its answers list.

    A refusal that is only ours has one status; where SageMaker may be first, any 4xx.
    """
    jpeg, png = picture("JPEG"), picture("PNG")
    too_many_pixels = _bomb(side=30_000)
    return [
        *(Case(kind, ANSWERED, Request(kind, picture(name)), holds=holds) for kind, name in _FORMATS.items()),
        Case(
            "the largest picture",
            ANSWERED,
            Request("image/jpeg", _largest()),
            size=(_LARGEST, _LARGEST),
            holds=holds,
        ),
        Case("an empty body", REFUSED, Request("image/jpeg", b"")),
        Case("a body that is too large", REFUSED, Request("image/jpeg", jpeg.ljust(MAX_BYTES + 1, b"\0"))),
        Case("no picture", "400", Request("image/jpeg", b"a text that calls itself a picture")),
        Case("a JPEG that is cut off", "400", Request("image/jpeg", _half(picture("JPEG", 640, 480)))),
        Case("a PNG that is damaged", "400", Request("image/png", _damaged(png))),
        Case("a picture of too many pixels", "400", Request("image/png", too_many_pixels)),
        Case("a content type that is unknown", "415", Request("text/plain", jpeg)),
        Case("JSON", "415", Request("application/json", b"{}")),
    ]


def check_contract(ask: Ask, cases: Sequence[Case]) -> list[Finding]:
    """Ask every case, and after each whether the endpoint still answers; nothing is left out by a failure."""
    well = Request("image/jpeg", picture("JPEG"))
    findings = []
    for case in cases:
        reply, afterwards = ask(case.request), ask(well)
        problem = _wrong_with(case, reply)
        if not afterwards.answered:
            died = f"afterwards it does not answer a picture: {_said(afterwards)}"
            problem = f"{problem}; {died}" if problem else died
        findings.append(
            Finding(case.name, case.expected, reply.status, problem or reply.reason, passed=not problem)
        )
    return findings


def picture(encoding: str, width: int = _WIDTH, height: int = _HEIGHT) -> bytes:
    """Encode a picture with something on it, so that half of its file is not the whole of it."""
    image = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    return _encoded(image, encoding)


def _wrong_with(case: Case, reply: Reply) -> str:
    if case.expected == ANSWERED:
        return _wrong_with_answer(case, reply) if reply.answered else _said(reply)
    if not _is(reply.status, case.expected):
        return _said(reply)
    return "" if reply.reason else f"{reply.status} without a reason"


def _wrong_with_answer(case: Case, reply: Reply) -> str:
    try:
        answer = json.loads(reply.body)
        size, found = (answer["width"], answer["height"]), answer[case.holds]
    except (ValueError, KeyError, TypeError):
        return f"200, but not the promised JSON: {reply.body[:100]!r}"
    if size != case.size or not isinstance(found, list):
        return f"200, but an answer for {size[0]}x{size[1]} pixels, not {case.size[0]}x{case.size[1]}"
    return ""


def _is(status: int | None, expected: str) -> bool:
    return str(status) == expected or (expected == REFUSED and status in range(400, 500))


def _said(reply: Reply) -> str:
    return f"{reply.status or 'no answer'}: {reply.reason or 'no reason'}"


def _largest() -> bytes:
    """Encode a plain picture of as many pixels as are taken: it shows whether the memory is enough."""
    return _encoded(Image.new("RGB", (_LARGEST, _LARGEST), (90, 90, 90)), "JPEG")


def _encoded(image: Image.Image, encoding: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, encoding)
    return buffer.getvalue()


def _half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _damaged(png: bytes) -> bytes:
    """Overwrite what lies between the headers and the end."""
    return png[:48] + b"\xff" * (len(png) - 64) + png[-16:]


def _bomb(*, side: int) -> bytes:
    """Give a PNG of some hundred kilobytes that unfolds to side x side pixels, one bit each."""
    row, packer = bytes(1 + side // 8), zlib.compressobj(6)
    packed = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    chunks = (_chunk(b"IHDR", header), _chunk(b"IDAT", packed), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
