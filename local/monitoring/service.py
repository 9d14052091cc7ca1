"""CloudWatch's API on the wire, where it is another than that of newer services."""

from __future__ import annotations

from local.cloud.errors import AwsError
from local.cloud.service import LocalService, Response

# What an older service calls it.
_CODES = {"AccessDeniedException": "AccessDenied", "ValidationException": "ValidationError"}


class CloudWatchService(LocalService):
    """CloudWatch, served by an object: see LocalService."""

    def __init__(self, implementation: object) -> None:
        super().__init__("cloudwatch", implementation)

    @property
    def iam_prefix(self) -> str:
        """The service's part of an IAM action, which its signing scope, "monitoring", is not."""
        return "cloudwatch"

    def error(self, error: AwsError) -> Response:
        """Return `error` with its code as CloudWatch's older clients know it too."""
        code = _CODES.get(error.code, error.code)
        answer = super().error(AwsError(code, error.message, error.status, error.details))
        at_fault = "Sender" if error.status < 500 else "Receiver"
        return Response(
            answer.status, {**answer.headers, "x-amzn-query-error": f"{code};{at_fault}"}, answer.body
        )
