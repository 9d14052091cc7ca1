"""Why a phase of a build failed, as its context says it."""

from __future__ import annotations

from botocore.exceptions import ClientError


class PhaseError(Exception):
    """The phase failed; `code` and the message are those of the phase's context."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def refusal(error: ClientError) -> str:
    """Return what an API said, its code and who was not allowed what."""
    said = error.response["Error"]
    return f"{said.get('Code', 'Error')}: {said.get('Message', error)}"
