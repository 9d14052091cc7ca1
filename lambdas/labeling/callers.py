"""Who calls the labeling API: a person of the user pool, and the groups that person is in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.common.proxied import Refused

ANNOTATORS, SUPERVISORS, APPROVERS = "annotators", "supervisors", "approvers"


@dataclass(frozen=True)
class Caller:
    """Somebody who is signed in; `name` is the username in the pool."""

    name: str
    groups: frozenset[str]


def caller_of(event: Mapping[str, Any]) -> Caller:
    """The person whose ID token API Gateway's Cognito authorizer has checked; Refused without one."""
    claims = (event["requestContext"].get("authorizer") or {}).get("claims") or {}
    name = claims.get("cognito:username")  # an access token has none
    if not name:
        raise Refused(401, "sign in: the request has no ID token of this page's user pool")
    # A REST API hands every claim over as text, a list with commas between its members.
    groups = claims.get("cognito:groups", "")
    return Caller(str(name), frozenset(group.strip() for group in groups.split(",") if group.strip()))


def require(caller: Caller, *groups: str) -> None:
    """Refuse who is in none of these groups."""
    if not caller.groups & set(groups):
        raise Refused(403, f"this is for {' and '.join(groups)}, and {caller.name} is not one of them")
