"""What an action is given to run with, and what it gives back."""

from __future__ import annotations

import io
import threading
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from local.cloud.call import Call
from local.codepipeline.declaration import Action
from local.codepipeline.records import Location, Override, Revision

_Value = TypeVar("_Value")
_POLL_SECONDS = 0.2


class ActionError(Exception):
    """The action failed; `code` is the API's: JobFailed, ConfigurationError, PermissionError."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Abandoned(Exception):  # noqa: N818 - nothing is wrong
    """The execution was stopped, and what this action has begun is not waited for."""


@dataclass(frozen=True)
class Done:
    """What an action that succeeded leaves."""

    variables: Mapping[str, str] = field(default_factory=dict)
    revision: Revision | None = None
    summary: str = ""


Report = Callable[..., None]  # external_id=, external_url=, summary=, token=, updated_by=


@dataclass(frozen=True, kw_only=True)
class Work:
    """One attempt at one action.

    `session` is boto3's, and `call` IAM's, of the action's role. `outputs` says where the output artifacts
    belong. `report` makes fields known while the action runs. `permit` raises AwsError unless the action's
    role may do an IAM action on a resource.
    """

    id: str
    action: Action
    pipeline: str
    pipeline_arn: str
    execution_id: str
    configuration: Mapping[str, str]
    inputs: Mapping[str, Location]
    outputs: Mapping[str, Location]
    encryption_key: str
    override: Override | None
    revisions: Mapping[str, str]  # revision ids by the artifact that they made
    pipeline_role: str
    role_arn: str
    session: Any
    call: Call
    abandoned: threading.Event
    report: Report
    permit: Callable[[str, str], None]

    def read(self, artifact: str, path: str) -> str:
        """Give a text file of an input artifact."""
        if artifact not in self.inputs:
            raise ActionError("ConfigurationError", f"{artifact} is no input artifact of the action")
        where = self.inputs[artifact]
        content = self.session.client("s3").get_object(Bucket=where.bucket, Key=where.key)["Body"].read()
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                return archive.read(path).decode()
        except zipfile.BadZipFile:
            raise ActionError("ConfigurationError", f"the artifact {artifact} is no zip file") from None
        except KeyError:
            raise ActionError(
                "ConfigurationError", f"File [{path}] does not exist in artifact [{artifact}]"
            ) from None

    def put(self, artifact: str, content: bytes) -> None:
        """Put an output artifact where it belongs, under the store's key."""
        where = self.outputs[artifact]
        encryption = (
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.encryption_key}
            if self.encryption_key
            else {}
        )
        self.session.client("s3").put_object(
            Bucket=where.bucket, Key=where.key, Body=content, ContentType="application/zip", **encryption
        )

    def until(self, look: Callable[[], _Value | None], seconds: float, what: str) -> _Value:
        """Look again and again until something is found; ActionError after so many seconds."""
        end = time.monotonic() + seconds
        while True:
            if (found := look()) is not None:
                return found
            if time.monotonic() > end:
                raise ActionError("JobFailed", f"{what} timed out")
            if self.abandoned.wait(_POLL_SECONDS):
                raise Abandoned


class Kind(Protocol):
    """An action type."""

    def run(self, work: Work) -> Done:
        """Do the action; ActionError, AwsError or ClientError when it fails, Abandoned when it is left."""


def zipped(files: Mapping[str, str]) -> bytes:
    """Make the zip of a small artifact."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()
