"""State machine executions: started by events, each event once; and why one of their states failed."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any


def execution_name(subject: str, event_id: str) -> str:
    """Name an execution after what it is about and the event that asked for it; at most 80 characters.

    The same event always gives the same name, and Step Functions runs a name once.
    """
    digest = hashlib.sha256(event_id.encode()).hexdigest()[:16]
    return f"{re.sub(r'[^A-Za-z0-9-]', '-', subject)[:63]}-{digest}"


def execution_arn(state_machine: str, name: str) -> str:
    """Give the ARN that an execution of this name has."""
    return f"{state_machine.replace(':stateMachine:', ':execution:')}:{name}"


def start_once(states: Any, *, state_machine: str, name: str, document: Mapping[str, Any]) -> bool:
    """Start an execution; False where one of that name has been started before."""
    try:
        states.start_execution(stateMachineArn=state_machine, name=name, input=json.dumps(document))
    except states.exceptions.ExecutionAlreadyExists:
        return False
    return True


def message_of(cause: str) -> str:
    """Take the message out of what a failed function leaves as cause; other causes stay as they are."""
    try:
        document = json.loads(cause)
    except ValueError:
        return cause
    return str(document.get("errorMessage", cause)) if isinstance(document, dict) else cause
