"""What every endpoint's request has in common: its picture, its custom attributes, its refusals.

`input_fn` takes the request's context as its last argument; the toolkit passes it to every function that has
one parameter more than the data. Only the toolkit's own exception gives another status than 500.
"""

import os
from http import HTTPStatus
from typing import Any

from .pictures import BadPicture, Picture, decode

try:
    from sagemaker_inference.errors import (  # type: ignore[import-not-found]
        GenericInferenceToolkitError as RequestError,
    )
except ImportError:  # outside AWS's container

    class RequestError(Exception):  # type: ignore[no-redef]
        """Shaped like the toolkit's exception of the same role."""

        def __init__(self, status_code: int, message: str, phrase: str | None = None) -> None:
            super().__init__(status_code, message, phrase or message)
            self.status_code = status_code
            self.message = message
            self.phrase = phrase or message


CONTENT_TYPES = (
    "image/jpeg",
    "image/png",
    "image/bmp",
    "image/webp",
    "image/tiff",
    "application/x-image",
    "application/octet-stream",
)
MAX_BYTES = 6 * 1024 * 1024  # TorchServe itself, as SageMaker starts it, takes 6,553,500
_UNCOUNTED = "uncounted"  # a custom attribute
_CUSTOM_ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"


def worker_threads() -> int:
    """Return the threads that the server gives each worker: OMP_NUM_THREADS, or 1."""
    return int(os.environ.get("OMP_NUM_THREADS", "1"))


def check_request(body: bytes | bytearray | None, content_type: str | None) -> None:
    """Refuse another content type with 415, and more than MAX_BYTES with 413."""
    kind = (content_type or "application/x-image").split(";")[0].strip().lower()
    if kind not in CONTENT_TYPES:
        raise refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"{kind} is not one of {', '.join(CONTENT_TYPES)}")
    size = len(body or b"")
    if size > MAX_BYTES:
        reason = f"a picture of {size} bytes, more than the {MAX_BYTES} that are taken"
        raise refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, reason)


def decode_body(body: bytes | bytearray | None) -> Picture:
    """Decode the request's picture; none or a bad one is refused with 400."""
    try:
        return decode(bytes(body or b""))
    except BadPicture as error:
        raise refusal(HTTPStatus.BAD_REQUEST, f"bad picture: {error.reason}") from error


def custom_attributes(context: Any) -> tuple[str, ...]:
    """Read the comma-separated header where the toolkit itself reads headers; HTTP headers have no case."""
    if context is None:
        return ()
    headers = context.request_processor[0].get_request_properties()
    text = next((str(value) for name, value in headers.items() if name.lower() == _CUSTOM_ATTRIBUTES), "")
    return tuple(attribute.strip() for attribute in text.split(","))


def is_counted(attributes: tuple[str, ...]) -> bool:
    """Tell whether CloudWatch counts this answer."""
    return _UNCOUNTED not in attributes


def tell_answer(best_score: float | None) -> None:
    """Print what CloudWatch counts: `ANSWER 1 -` for an answer without anything, else `ANSWER 0 <score>`."""
    line = "ANSWER 1 -" if best_score is None else f"ANSWER 0 {best_score:.4f}"
    # In one piece: where output is not buffered, what others print could come before a line's end.
    print(f"{line}\n", end="", flush=True)


def refusal(status: HTTPStatus, message: str) -> RequestError:
    """Return what to raise, so that the caller gets this status and message."""
    return RequestError(status.value, message, message)
