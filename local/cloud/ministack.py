"""The emulator under the local cloud, loaded into this process: who calls it, and what IAM says to that.

ministack publishes no Python API: everything used of it is private to it, so each touchpoint is listed in the
module that uses it, `ministack*.py`, and checked when the cloud starts; a version that lacks one is refused
by name instead of failing somewhere later.
"""

from __future__ import annotations

import functools
import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from local.cloud import ministack_accounts as accounts
from local.cloud import (
    ministack_apis,
    ministack_buckets,
    ministack_distributions,
    ministack_events,
    ministack_expressions,
    ministack_functions,
    ministack_machines,
    ministack_policies,
    ministack_queries,
    ministack_refusals,
    ministack_request,
    ministack_sign_in,
    ministack_tables,
    ministack_templates,
    sign_in,
)
from local.cloud.errors import AwsError, LocalCloudError, access_denied
from local.cloud.touchpoints import Touchpoint, check_touchpoints, module

_OWN = (
    Touchpoint("ministack.app", "app", ("scope", "receive", "send")),
    Touchpoint("ministack.app", "AUTH"),
    Touchpoint(
        "ministack.core.iam_evaluator",
        "enforce",
        ("access_key_id", "iam_action", "service", "region", "resource_arn", "service_context"),
    ),
    Touchpoint("ministack.core.iam_evaluator", "resolve_credential", ("access_key_id", "account_id")),
    Touchpoint("ministack.core.iam_evaluator", "pin_request_origin", ("source_ip", "secure_transport")),
    Touchpoint(
        "ministack.core.iam_evaluator",
        "pin_signed_request",
        ("method", "raw_path", "query_params", "raw_headers"),
    ),
    Touchpoint("ministack.core.iam_evaluator", "pin_signed_body", ("body",)),
    Touchpoint("ministack.core.iam_evaluator", "find_iam_access_key_account", ("access_key_id",)),
    Touchpoint("ministack.core.iam_evaluator", "EvalContext", ("principal_arn", "principal_type")),
    Touchpoint("ministack.core.iam_evaluator", "_conditions_met", ("conditions", "ctx")),
    Touchpoint("ministack.core.iam_evaluator", "evaluate_trust_policy", ("trust_doc", "caller_arn", "ctx")),
    Touchpoint("ministack.core.responses", "set_request_account_id", ("access_key_id",)),
    Touchpoint("ministack.core.responses", "set_request_region", ("region",)),
    Touchpoint("ministack.services.sts", "register_session", ("access_key", "session")),
)
TOUCHPOINTS = (
    *_OWN,
    *accounts.TOUCHPOINTS,
    *ministack_apis.TOUCHPOINTS,
    *ministack_buckets.TOUCHPOINTS,
    *ministack_distributions.TOUCHPOINTS,
    *ministack_events.TOUCHPOINTS,
    *ministack_expressions.TOUCHPOINTS,
    *ministack_functions.TOUCHPOINTS,
    *ministack_machines.TOUCHPOINTS,
    *ministack_policies.TOUCHPOINTS,
    *ministack_queries.TOUCHPOINTS,
    *ministack_refusals.TOUCHPOINTS,
    *ministack_request.TOUCHPOINTS,
    *ministack_sign_in.TOUCHPOINTS,
    *ministack_tables.TOUCHPOINTS,
    *ministack_templates.TOUCHPOINTS,
    *sign_in.TOUCHPOINTS,
)

# Principal ARN, action, resource, allowed, condition keys.
EnforceListener = Callable[[str, str, str, bool, Mapping[str, Any]], None]


@dataclass(frozen=True)
class Identity:
    """A principal that ministack knows an access key of."""

    arn: str
    account: str


class Ministack:
    """ministack, loaded into this process with its environment set; one per process."""

    def __init__(self, variables: Mapping[str, str], touchpoints: Sequence[Touchpoint] = TOUCHPOINTS) -> None:
        self._account = variables["MINISTACK_ACCOUNT_ID"]
        self._region = variables["MINISTACK_REGION"]
        os.environ.update(variables)
        tempfile.tempdir = variables["TMPDIR"]
        check_touchpoints(touchpoints)
        if not module("app").AUTH:
            raise LocalCloudError("ministack was imported before the local cloud: IAM would not be enforced")
        self._session_variables: dict[str, Mapping[str, Any]] = {}
        self._policies: accounts.PolicyLookup = lambda service, arn: None
        accounts.mend(lambda service, arn: self._policies(service, arn))
        ministack_policies.mend(self._session_variables)
        ministack_events.mend()
        ministack_templates.mend()
        ministack_apis.mend()
        ministack_sign_in.mend()
        ministack_refusals.mend()
        _register_sessions_one_after_the_other()
        self._buckets = ministack_buckets.Buckets(self._region)
        self.distributions = ministack_distributions.Distributions(self._region, self._buckets.key_of)
        self.machines = ministack_machines.Machines()
        self.functions = ministack_functions.Functions(self._account, self._region)
        ministack_queries.mend(self.enforce, self._region)
        ministack_expressions.read_once()
        ministack_tables.read_every_column()

    async def app(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        """Serve a request as an ASGI application; one from this machine counts as TLS."""
        if scope["type"] == "http":
            ministack_request.begin(scope)
            scope = {**scope, "headers": [*scope["headers"], (b"x-forwarded-proto", b"https")]}
        await module("app").app(scope, receive, send)

    def on_enforce(self, listener: EnforceListener) -> None:
        """Tell `listener` about each decision of the policy evaluator, of all services."""
        evaluator = module("core.iam_evaluator")
        original = evaluator.enforce

        @functools.wraps(original)
        def enforce(
            access_key_id: str, iam_action: str, service: str, region: str, *rest: Any, **options: Any
        ) -> Any:
            ministack_request.access_key.set(access_key_id)
            resource = str(options.pop("resource_arn", rest[0] if rest else "*"))
            resource = self.machines.checked_resource(iam_action, resource)
            resource = ministack_policies.checked_resource(iam_action, resource, region)
            denied = original(access_key_id, iam_action, service, region, resource, *rest[1:], **options)
            context = options.get("service_context", rest[1] if len(rest) > 1 else None) or {}
            listener(self.identity(access_key_id).arn, iam_action, resource, denied is None, context)
            if denied is None and service == "s3":
                return self._buckets.key_denial(access_key_id, iam_action, resource, region)
            return denied

        evaluator.enforce = enforce
        trusts = evaluator.evaluate_trust_policy

        @functools.wraps(trusts)
        def evaluate_trust_policy(trust_doc: Any, caller_arn: str, ctx: Any = None) -> bool:
            trusted = bool(trusts(trust_doc, caller_arn, ctx))
            if ctx is not None and not trusted:
                listener(caller_arn, ctx.action, ctx.resource_arn, False, ctx.service_context)
            return trusted

        evaluator.evaluate_trust_policy = evaluate_trust_policy

    @contextmanager
    def request(
        self, *, method: str, raw_path: str, query: Mapping[str, Any], headers: Any, body: bytes, region: str,
        access_key: str,
    ) -> Iterator[None]:  # fmt: skip
        """Make the thread's context that of one signed request, for `enforce`."""
        evaluator, responses = module("core.iam_evaluator"), module("core.responses")
        responses.set_request_account_id(
            evaluator.find_iam_access_key_account(access_key) or access_key or self._account
        )
        responses.set_request_region(region)
        evaluator.pin_request_origin("127.0.0.1", True)
        evaluator.pin_signed_request(method, raw_path, query, headers)
        evaluator.pin_signed_body(body)
        yield

    def enforce(
        self,
        access_key: str,
        action: str,
        region: str,
        resource: str,
        context: Mapping[str, Any] | None = None,
    ) -> None:
        """Raise AwsError when the principal of `access_key` may not do `action` on `resource`.

        The signature of the request that `request` was told about is checked first.
        """
        evaluator = module("core.iam_evaluator")
        evaluator.pin_request_origin("127.0.0.1", True)
        with accounts.within(self.account_of(access_key), region):
            denied = evaluator.enforce(
                access_key, action, action.partition(":")[0], region,
                resource_arn=resource, service_context=dict(context or {}),
            )  # fmt: skip
        if denied is None:
            return
        if hasattr(denied, "code"):
            raise AwsError(denied.code, denied.message, 403)
        raise access_denied(denied.principal_arn, action, resource, explicit=denied.decision == "Deny")

    def identity(self, access_key: str) -> Identity:
        """Return whose key `access_key` is; an unknown key is an anonymous principal."""
        account = self.account_of(access_key)
        found = module("core.iam_evaluator").resolve_credential(access_key, account)
        if not hasattr(found, "principal_arn"):
            return Identity("anonymous", account)
        return Identity(found.principal_arn, found.account_id)

    def account_of(self, access_key: str) -> str:
        """Return the account that an access key acts in; the cloud's own where nobody knows the key."""
        return accounts.account_of_key(access_key) or self._account

    def on_resource_policy(self, policy_of: accounts.PolicyLookup) -> None:
        """Let `policy_of` give the policies of resources that ministack does not keep."""
        self._policies = policy_of

    def role(self, role_arn: str) -> Mapping[str, Any] | None:
        """Return the record of an IAM role, of whichever account it is, or None."""
        owner = accounts.account_of_arn(role_arn)
        name = role_arn.rsplit("/", 1)[-1]
        record: Mapping[str, Any] | None = module("services.iam")._roles.get_scoped(owner, None, name)
        return record

    def conditions_met(self, conditions: Mapping[str, Any], service: str, context: Mapping[str, Any]) -> bool:
        """Evaluate a statement's conditions for a call that an AWS service makes."""
        evaluator = module("core.iam_evaluator")
        evaluation = evaluator.EvalContext(
            principal_arn=service, principal_type="Service", principal_account=self._account,
            action="sts:AssumeRole", resource_arn="*", region=self._region, secure_transport=True,
            service_context={key.lower(): value for key, value in context.items()},
        )  # fmt: skip
        return bool(evaluator._conditions_met(dict(conditions), evaluation))

    def register_session(
        self, access_key: str, session: Mapping[str, Any], variables: Mapping[str, Any]
    ) -> None:
        """Make temporary credentials known; `variables` fill `${key}` in the policies of their role."""
        self._session_variables[access_key] = dict(variables)
        module("services.sts").register_session(access_key, dict(session))


def _register_sessions_one_after_the_other() -> None:
    """Registering walks through all sessions, while another thread or a call of AssumeRole may add one."""
    sts, lock = module("services.sts"), threading.Lock()
    original = sts.register_session

    @functools.wraps(original)
    def register(access_key: str, session: dict[str, Any]) -> None:
        with lock:
            original(access_key, session)

    sts.register_session = register
