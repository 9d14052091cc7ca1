"""Errors of AWS that say what one wanted to hear: it is not there."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

_CODES = (
    "EntityNotFoundException",
    "NoSuchBucket",
    "NoSuchUpload",
    "ObjectNotFoundException",
    "ResourceNotFound",
    "ResourceNotFoundException",
)
_WORDS = ("could not find", "does not exist", "not found")


def unless_gone(call: Callable[..., Any], **arguments: Any) -> Any:
    """Make a call; None where its resource is gone already."""
    try:
        return call(**arguments)
    except ClientError as error:
        if is_gone(error):
            return None
        raise


def is_gone(error: ClientError) -> bool:
    """Tell whether the error says that the resource does not exist."""
    found = error.response.get("Error", {})
    message = str(found.get("Message", "")).lower()
    return found.get("Code") in _CODES or any(word in message for word in _WORDS)
