"""Why work on an endpoint or a component ended as it did, in the words of `FailureReason`."""

from __future__ import annotations

import logging

from local.cloud.errors import AwsError
from local.sagemaker.hosting.instance import UnhealthyError
from local.sagemaker.hosting.rolling import RollbackFailedError
from local.sagemaker.hosting.watch import AbortedError

_LONGEST = 1024
_EXPECTED = (UnhealthyError, AbortedError, RollbackFailedError, AwsError, OSError, RuntimeError)
_log = logging.getLogger(__name__)


def failure_reason(error: Exception) -> str:
    """Give the reason; of what nobody expected the log has the trace."""
    if isinstance(error, _EXPECTED):
        return str(error)[-_LONGEST:]
    _log.error("internal failure", exc_info=error)
    return f"Internal failure. {type(error).__name__}: {error}"[-_LONGEST:]
