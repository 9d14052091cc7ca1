"""The toolkit's exceptions: the only ones by which a handler chooses the status of its answer."""

from __future__ import annotations

from http import HTTPStatus


class BaseInferenceToolkitError(Exception):
    """An answer with this status, this message in the body and this phrase on the status line."""

    def __init__(self, status_code: int, message: str, phrase: str) -> None:
        super().__init__(status_code, message, phrase)
        self.status_code = status_code
        self.message = message
        self.phrase = phrase


class UnsupportedFormatError(BaseInferenceToolkitError):
    """The handler does not take this content type: 415."""

    def __init__(self, content_type: str) -> None:
        message = f"Content type {content_type} is not supported by this framework."
        super().__init__(HTTPStatus.UNSUPPORTED_MEDIA_TYPE.value, message, message)


class GenericInferenceToolkitError(BaseInferenceToolkitError):
    """Any other refusal."""

    def __init__(self, status_code: int, message: str | None = None, phrase: str | None = None) -> None:
        told = message or "Invalid Request"
        super().__init__(status_code, told, phrase or told)
