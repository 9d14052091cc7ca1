"""Principals of the local cloud, and what they may do."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from local.cloud.call import Call, Credentials
from local.cloud.call_log import CallLog
from local.cloud.errors import AwsError
from local.cloud.ministack import Ministack
from local.cloud.ministack_accounts import account_of_arn
from local.cloud.service import LocalService, Parameters


class Iam:
    """Makes principals, and decides what they may do at the services that the plugins bring along."""

    def __init__(self, ministack: Ministack, calls: CallLog) -> None:
        self._ministack = ministack
        self._calls = calls
        ministack.on_enforce(calls.record)
        ministack.functions.on_api_invocation(
            lambda function, method: self.invocable(function, "apigateway.amazonaws.com", method)
        )

    def service_credentials(
        self, role_arn: str, service: str, session_name: str, lifetime_seconds: int = 3600,
        context: Mapping[str, Any] | None = None, policy: Mapping[str, Any] | None = None,
    ) -> Credentials:  # fmt: skip
        """Assume `role_arn` as the AWS service `service` does ("sagemaker.amazonaws.com").

        `context` holds condition keys of the call, `aws:SourceArn` for instance; they also fill the variables
        of the role's policies, `${credentials-iot:ThingName}` for instance. `policy` limits the session to
        what it allows too.
        Raises AwsError AccessDenied when the role does not exist or does not trust the service.
        """
        role = self._ministack.role(role_arn)
        # A service is handed roles of its caller's account only: see _check_passing.
        context = {"aws:SourceAccount": account_of_arn(role_arn), **(context or {})}
        if role is None or not self._trusts(role["AssumeRolePolicyDocument"], service, context):
            self._calls.record(service, "sts:AssumeRole", role_arn, False)
            why = "does not exist" if role is None else "does not trust it"
            denied = f"{service} is not authorized to perform: sts:AssumeRole on resource: {role_arn}"
            raise AwsError("AccessDenied", f"{denied} because the role {why}", 403)
        self._calls.record(service, "sts:AssumeRole", role_arn, True)
        limits = {"SessionPolicies": {"Policy": policy}} if policy else {}
        return self._session(role, session_name, lifetime_seconds, context, limits)

    def service_session(self, account: str, service: str, actions: Sequence[str]) -> Credentials:
        """Return keys of the AWS service itself in an account, for these actions ("iot:*") and no others."""
        keys = _keys(f"arn:aws:sts::{account}:federated-user/{service}")
        allowed = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        self._register(
            keys,
            {
                # A principal that the account's root vouches for; the session policy is all that it may do.
                "PrincipalType": "FederatedUser",
                "UserId": f"{account}:{service}",
                "SessionPolicies": {"Policy": {"Version": "2012-10-17", "Statement": [allowed]}},
            },
            {},
        )
        return keys

    def authorize(self, service: LocalService, call: Call, operation: str, parameters: Parameters) -> None:
        """Raise AwsError AccessDenied when the caller's policies do not allow the call."""
        action = f"{service.iam_prefix}:{operation}"
        conditions = service.conditions(operation, parameters)
        for resource in service.resource_arns(call, operation, parameters):
            self._ministack.enforce(call.access_key, action, call.region, resource, conditions)
        for further, resource in service.further_actions(call, operation, parameters):
            self._ministack.enforce(call.access_key, further, call.region, resource)
        for role_arn in service.pass_roles(operation, parameters):
            self._check_passing(call, role_arn, service.service_principal)

    def _check_passing(self, call: Call, role_arn: str, service_principal: str) -> None:
        if account_of_arn(role_arn) not in (None, call.account):
            self._calls.record(call.principal_arn, "iam:PassRole", role_arn, False)
            raise AwsError(
                "AccessDeniedException", f"Cross-account pass role is not allowed: {role_arn} is not of "
                f"{call.account}, the account of {call.principal_arn}",
            )  # fmt: skip
        self._ministack.enforce(
            call.access_key, "iam:PassRole", call.region, role_arn, {"iam:PassedToService": service_principal}
        )

    def invocable(self, function_arn: str, service: str, source_arn: str) -> bool:
        """Tell whether the function's resource policy lets `service` invoke it on behalf of `source_arn`."""
        policy = self._ministack.functions.policy(function_arn)
        source_account = account_of_arn(source_arn) or account_of_arn(function_arn)
        context = {"aws:SourceArn": source_arn, "aws:SourceAccount": source_account}
        allowed = policy is not None and self._allows(policy, "lambda:InvokeFunction", service, context)
        self._calls.record(service, "lambda:InvokeFunction", function_arn, allowed)
        return allowed

    def _trusts(self, policy: Any, service: str, context: Mapping[str, Any]) -> bool:
        document = json.loads(policy) if isinstance(policy, str) else policy
        return self._allows(document, "sts:AssumeRole", service, context)

    def _allows(
        self, policy: Mapping[str, Any], action: str, service: str, context: Mapping[str, Any]
    ) -> bool:
        matching = [
            statement["Effect"]
            for statement in _listed(policy["Statement"])
            if action in _listed(statement.get("Action", ()))
            and _names_service(statement.get("Principal"), service)
            and self._ministack.conditions_met(statement.get("Condition", {}), service, context)
        ]
        return "Allow" in matching and "Deny" not in matching

    def _session(
        self, role: Mapping[str, Any], session_name: str, lifetime_seconds: int, context: Mapping[str, Any],
        limits: Mapping[str, Any],
    ) -> Credentials:  # fmt: skip
        name, session = role["RoleName"], session_name[:64]
        account = account_of_arn(role["Arn"])
        arn = f"arn:aws:sts::{account}:assumed-role/{name}/{session}"
        keys = _keys(arn)
        expires = time.time() + lifetime_seconds
        self._register(
            keys, {"UserId": f"{role['RoleId']}:{session}", "Expiration": expires, **limits}, context
        )
        return keys

    def _register(self, keys: Credentials, more: Mapping[str, Any], variables: Mapping[str, Any]) -> None:
        session = {
            "Arn": keys.principal_arn,
            "SecretAccessKey": keys.secret_key,
            "SessionToken": keys.session_token,
            **more,
        }
        self._ministack.register_session(keys.access_key, session, variables)


def user_keys(client: Any, name: str, policy_arns: Sequence[str]) -> Credentials:
    """Return new keys of the user `name`, who has exactly these managed policies."""
    with suppress(client.exceptions.EntityAlreadyExistsException):
        client.create_user(UserName=name)
    attached = client.list_attached_user_policies(UserName=name)["AttachedPolicies"]
    for policy in attached:
        if policy["PolicyArn"] not in policy_arns:
            client.detach_user_policy(UserName=name, PolicyArn=policy["PolicyArn"])
    for arn in policy_arns:
        client.attach_user_policy(UserName=name, PolicyArn=arn)
    key = client.create_access_key(UserName=name)["AccessKey"]
    arn = client.get_user(UserName=name)["User"]["Arn"]
    return Credentials(key["AccessKeyId"], key["SecretAccessKey"], "", arn)


def _keys(principal_arn: str) -> Credentials:
    key, secret, token = secrets.token_hex(8), secrets.token_hex(20), secrets.token_hex(64)
    return Credentials(f"ASIA{key.upper()}", secret, token, principal_arn)


def _listed(value: Any) -> Iterator[Any]:
    return iter([value] if isinstance(value, str | dict) else value)


def _names_service(principal: Any, service: str) -> bool:
    if principal == "*":
        return True
    return isinstance(principal, dict) and service in list(_listed(principal.get("Service", ())))
