"""What a state machine keeps of a failed state, in a person's words."""

import json
from collections.abc import Mapping

from lambdas.common.executions import message_of


def reason_of(failure: Mapping[str, str]) -> str:
    """Say why a state failed: a function's message, a job's own reason, else the cause as it is."""
    cause = failure.get("Cause", "")
    try:
        document = json.loads(cause)
    except ValueError:
        document = None
    if isinstance(document, dict) and "ProcessingJobName" in document:
        why = document.get("ExitMessage") or document.get("FailureReason") or "no reason given"
        return f"the job {document['ProcessingJobName']} ended {document.get('ProcessingJobStatus')}: {why}"
    return f"{failure.get('Error', 'it failed')}: {message_of(cause)}".removesuffix(": ")
