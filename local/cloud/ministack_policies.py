"""What ministack's policy evaluator leaves out: variables, condition keys, what a call is checked against."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

from local.cloud import ministack_accounts as accounts
from local.cloud import ministack_request as request
from local.cloud.touchpoints import Touchpoint, module

TOUCHPOINTS = (
    Touchpoint(
        "ministack.core.iam_evaluator",
        "_resource_matches",
        ("resource_arn", "resources", "not_resources"),
    ),
    Touchpoint("ministack.services.athena", "_executions"),
    Touchpoint("ministack.core.iam_evaluator", "_resolve_condition_key", ("key", "ctx")),
    Touchpoint("ministack.services.iam", "_roles"),
)

_QUERY_ACTIONS = ("athena:GetQueryExecution", "athena:GetQueryResults", "athena:StopQueryExecution")
_LOG_GROUP = re.compile(r"arn:aws:logs:[^:]*:[^:]*:log-group:[^:]*")
_VARIABLE = re.compile(r"\$\{([^}]+)\}")
_ROLE_SESSION = re.compile(r"arn:([a-z-]+):sts::(\d{12}):assumed-role/([^/]+)/.+")


def mend(session_variables: Mapping[str, Mapping[str, Any]]) -> None:
    """Evaluate as IAM does; `session_variables` by access key fill the `${key}` of policies."""
    _fill_variables(session_variables)
    _know_sessions_by_their_roles()
    _know_conditional_writes()


def checked_resource(action: str, resource: str, region: str) -> str:
    """Return what AWS checks a call against, where that is not what ministack makes of the request."""
    if action in _QUERY_ACTIONS:
        return _workgroup_of_query(resource, region)
    if _LOG_GROUP.fullmatch(resource):
        return f"{resource}:log-stream:{request.member('logStreamName')}"  # as AWS writes it
    return _policy_or_its_target(action, region) or resource


def _policy_or_its_target(action: str, region: str) -> str | None:
    """Return what AWS IoT checks a call about the holders of a policy against; None for another call."""
    if action == "iot:DetachPolicy":
        return request.member("target")
    signed = module("core.iam_evaluator")._signed_request.get()
    if action == "iot:ListTargetsForPolicy" and signed is not None:
        policy = signed.raw_path.rpartition("/")[2]
        return f"arn:aws:iot:{region}:{accounts.request_account()}:policy/{policy}"
    return None


def _workgroup_of_query(otherwise: str, region: str) -> str:
    """Return the workgroup that the request's query runs in, which AWS checks the call against."""
    query = module("services.athena")._executions.get(request.member("QueryExecutionId"))
    if query is None:
        return otherwise
    return f"arn:aws:athena:{region}:{accounts.request_account()}:workgroup/{query['WorkGroup']}"


def _fill_variables(session_variables: Mapping[str, Mapping[str, Any]]) -> None:
    """Fill `${key}` in the resources of a policy from what is known of the session, as AWS does."""
    evaluator = module("core.iam_evaluator")
    original = evaluator._resource_matches

    @functools.wraps(original)
    def matches(resource_arn: str, resources: list[str], not_resources: list[str]) -> Any:
        known = session_variables.get(request.access_key.get() or "", {})
        filled = [filled_in(pattern, known) for pattern in resources]
        # A pattern with a variable that has no value matches nothing.
        usable = [pattern for pattern in filled if pattern is not None]
        if resources and not usable:
            return False
        return original(resource_arn, usable, not_resources)

    evaluator._resource_matches = matches


def _know_sessions_by_their_roles() -> None:
    """Let `aws:PrincipalArn` of a role's session be the role, as IAM does, and not the session."""
    evaluator = module("core.iam_evaluator")
    original = evaluator._resolve_condition_key

    @functools.wraps(original)
    def resolve(key: str, context: Any) -> Any:
        found = original(key, context)
        return _role_of_session(found) if key.lower() == "aws:principalarn" else found

    evaluator._resolve_condition_key = resolve


def _role_of_session(principal_arn: str) -> str:
    session = _ROLE_SESSION.fullmatch(principal_arn)
    if session is None:
        return principal_arn
    partition, account, name = session.groups()
    role = module("services.iam")._roles.get_scoped(account, None, name)
    return str(role["Arn"]) if role else f"arn:{partition}:iam::{account}:role/{name}"


def _know_conditional_writes() -> None:
    """Let `s3:if-none-match` be the header of a write that fails where there is an object already.

    S3 takes nothing but `*` there, and only with an upload; ministack would copy over what is there.
    """
    evaluator = module("core.iam_evaluator")
    original = evaluator._resolve_condition_key

    @functools.wraps(original)
    def resolve(key: str, context: Any) -> Any:
        if key.lower() == "s3:if-none-match":
            return "*" if request.writes_once.get() else None
        return original(key, context)

    evaluator._resolve_condition_key = resolve


def filled_in(pattern: str, variables: Mapping[str, Any]) -> str | None:
    """Fill the variables of a policy's resource; None where one has no value."""
    names = _VARIABLE.findall(pattern)
    if not all(name in variables for name in names):
        return None
    return _VARIABLE.sub(lambda found: str(variables[found[1]]), pattern)
