"""What the operations of the API share: a repeated request is answered as before, a list comes in pages."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from local.cloud.call import Call
from local.cloud.errors import AwsError

Parameters = dict[str, Any]


class Backing(Protocol):
    """What the API needs of the rest of the cloud."""

    def require(self, call: Call, action: str, resource: str) -> None:
        """Raise AwsError AccessDeniedException unless the caller may do `action`."""

    def client(self, service: str) -> Any:
        """Return a boto3 client that reads as the service itself does."""


class Once:
    """Answers a repeated request, by its clientToken, as the first one."""

    def __init__(self) -> None:
        self._answers: dict[tuple[str, str], tuple[str, Parameters]] = {}

    def __call__(self, operation: str, parameters: Parameters, act: Callable[[], Parameters]) -> Parameters:
        """Act, or give the answer of before; AwsError ConflictException where the token was another's."""
        token = parameters.get("clientToken")
        asked = repr(sorted((k, v) for k, v in parameters.items() if k != "clientToken"))
        if token and (before := self._answers.get((operation, token))):
            if before[0] != asked:
                raise AwsError("ConflictException", f"clientToken {token} was used for another request", 409)
            return before[1]
        answer = act()
        if token:
            self._answers[operation, token] = (asked, answer)
        return answer


def page_of(entries: list[Parameters], member: str, page: Mapping[str, Any]) -> Parameters:
    """Give the page of a list that the request asks for."""
    start, size = int(page.get("nextToken") or 0), int(page.get("maxResults") or 100)
    rest = start + size < len(entries)
    shown = [_present(entry) for entry in entries[start : start + size]]
    return {member: shown, **({"nextToken": str(start + size)} if rest else {})}


def _present(entry: Parameters) -> Parameters:
    """Return the members that have a value: what AWS leaves out is not null on the wire."""
    return {name: value for name, value in entry.items() if value is not None}
