"""Why a job failed, in the words of its `FailureReason`."""

from __future__ import annotations

import errno
import signal
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from local.cloud.errors import AwsError
from local.sagemaker.s3_transfer import NoObjectsError

LONGEST_REASON = 1024


class JobError(Exception):
    """The job cannot go on; the message is its failure reason."""


def algorithm_error(code: int, failure_file: Path, tail: str) -> str:
    """Say how the job's own program ended badly: what it wrote to `failure`, else its last lines."""
    end = f"exit code: {code}" if code >= 0 else f"killed by signal {-code} ({signal.Signals(-code).name})"
    if code == -signal.SIGKILL:
        end += ", as a machine out of memory does"
    told = failure_file.read_text(errors="replace").strip() if failure_file.is_file() else tail
    room = LONGEST_REASON - len(end) - len("AlgorithmError: , ")
    return f"AlgorithmError: {told[-room:]}, {end}"


def transfer_error(doing: str, error: Exception) -> str:
    """Say why a transfer between S3 and the job's disk, or the start of its program, failed."""
    if isinstance(error, NoObjectsError):
        return f"ClientError: Data download failed: {error}"
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"ClientError: {doing}: no space left on the job's disk ({error.filename or 'unknown file'})"
    if isinstance(error, ClientError):
        code = error.response["Error"].get("Code", "")
        return f"ClientError: {doing}: {code}: {error}"[:LONGEST_REASON]
    if isinstance(error, AwsError):
        return f"ClientError: {doing}: {error}"[:LONGEST_REASON]
    kind = "ClientError" if isinstance(error, (ValueError, BotoCoreError)) else "InternalServerError"
    return f"{kind}: {doing}: {type(error).__name__}: {error}"[:LONGEST_REASON]
