"""Requests and answers of API Gateway's proxy integration, JSON both ways."""

import json
from collections.abc import Mapping
from typing import Any

MAX_BODY_BYTES = 256 * 1024
MAX_DEPTH = 12  # lists and objects in one another; what people send has four


class Refused(Exception):  # noqa: N818 - what the API answers
    """A request that is not carried out; `status` is its HTTP status, the text is for the person.

    `retry_after` is in seconds, where the same request may be carried out later.
    """

    def __init__(self, status: int, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status, self.retry_after = status, retry_after


def refuse(refusal: Refused) -> dict[str, Any]:
    """The response that says why, and when to come again."""
    again = {} if refusal.retry_after is None else {"Retry-After": str(refusal.retry_after)}
    return respond(refusal.status, {"message": str(refusal)}, again)


def respond(
    status: int, document: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """A response that nobody on the way keeps."""
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json", "Cache-Control": "no-store", **(headers or {})},
        "body": json.dumps(document),
    }


def body_of(event: Mapping[str, Any], *fields: str) -> dict[str, Any]:
    """The JSON object of the request, which has none but these fields.

    Refused: 413 for more than 256 KB; 400 for what is no JSON object (NaN and Infinity are no JSON), for one
    that is nested deeper than anybody draws, and for a field that is not known.
    """
    body = read_body(event)
    if surplus := sorted(set(body) - set(fields)):
        known = ", ".join(fields) or "none"
        raise Refused(400, f"{_shown(surplus)}: unknown; the fields here are: {known}")
    return body


def read_body(event: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON object of the request, with whatever fields it has."""
    text = event.get("body") or "{}"
    # A character is 1 to 4 bytes: most bodies need not be encoded to know.
    if len(text) > MAX_BODY_BYTES or len(text.encode(errors="surrogatepass")) > MAX_BODY_BYTES:
        raise Refused(413, f"the body is larger than {MAX_BODY_BYTES // 1024} KB")
    try:
        body = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Refused(400, "the body is not JSON") from None
    if not isinstance(body, dict):
        raise Refused(400, "the body is not a JSON object")
    if _is_deeper(body, MAX_DEPTH):
        raise Refused(400, f"the body is nested deeper than {MAX_DEPTH} levels")
    if not _is_text(body):
        raise Refused(400, "the body has half a character: a surrogate without its pair")
    return body


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _is_deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    members = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(member, levels - 1) for member in members)


def _is_text(body: Mapping[str, Any]) -> bool:
    r"""Tell whether every text can be kept: JSON allows a lone \ud800, UTF-8 does not."""
    try:
        json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(names: list[str]) -> str:
    return ", ".join(name[:40] for name in names[:5])
