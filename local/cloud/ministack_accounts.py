"""Where ministack's accounts meet: each keeps its own, and lets in another's principal only by policy.

ministack keeps most state by account, but weighs a resource's policy only in the caller's own account, and
knows of a foreign caller nothing but its number. Here what another account owns is open to whom both sides
allow: the caller's own policies and the resource's. What has no policy is closed to others.
"""

from __future__ import annotations

import contextvars
import functools
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from local.cloud.touchpoints import Touchpoint, module

TOUCHPOINTS = (
    Touchpoint("ministack.core.iam_evaluator", "_resource_policy", ("service", "resource_arn")),
    Touchpoint("ministack.core.iam_evaluator", "evaluate_resource_policy", ("doc", "ctx")),
    Touchpoint("ministack.core.iam_evaluator", "EvalResult", ("decision", "principal_arn")),
    Touchpoint("ministack.core.responses", "_account_from_sts_session", ("access_key_id",)),
    Touchpoint("ministack.core.responses", "get_account_id"),
    Touchpoint("ministack.core.responses", "request_scope", ("account_id", "region")),
    Touchpoint("ministack.services.kms", "key_policy_for_arn", ("resource_arn",)),
    Touchpoint("ministack.services.s3", "_bucket_owner_account", ("name",)),
    Touchpoint("ministack.services.s3", "_bucket_policies"),
    Touchpoint("ministack.services.s3", "_foreign_bucket_allows", ("owner_account", "bucket_name")),
    Touchpoint("ministack.services.s3", "bucket_policy_for_arn", ("resource_arn",)),
)

PolicyLookup = Callable[[str, str], str | None]  # the IAM prefix of a service, an ARN: the resource's policy

_ROOT_KEY = re.compile(r"\d{12}")
_BUCKET = "arn:aws:s3:::"
_RESOURCE_ACCOUNT = ("aws:resourceaccount", "s3:resourceaccount")
_let_in: contextvars.ContextVar[frozenset[str]] = contextvars.ContextVar("let in", default=frozenset())


def account_of_key(access_key: str) -> str | None:
    """Return the account that an access key acts in; None where nobody knows the key."""
    if _ROOT_KEY.fullmatch(access_key):
        return access_key
    found = module("core.responses")._account_from_sts_session(access_key)
    owner: str | None = found or module("core.iam_evaluator").find_iam_access_key_account(access_key)
    return owner


def request_account() -> str:
    """Return the account that ministack works in at this moment: the caller's, or a deployed stack's."""
    return str(module("core.responses").get_account_id())


def account_of_arn(arn: str) -> str | None:
    """Return the account that an ARN names; None where it names none."""
    parts = arn.split(":", 5)
    return parts[4] if len(parts) == 6 and _ROOT_KEY.fullmatch(parts[4]) else None


def owner_of(arn: str) -> str | None:
    """Return the account that owns a resource, for a bucket too, whose ARN does not say."""
    if not arn.startswith(_BUCKET):
        return account_of_arn(arn)
    owner: str | None = module("services.s3")._bucket_owner_account(_bucket(arn))
    return owner


@contextmanager
def within(account: str, region: str) -> Iterator[None]:
    """Work in an account."""
    with module("core.responses").request_scope(account, region):
        yield


def begin_request() -> None:
    """Forget which buckets of others an earlier request on this thread was let into."""
    _let_in.set(frozenset())


def mend(policy_of: PolicyLookup) -> None:
    """Let resource policies decide between accounts; `policy_of` knows those that ministack does not keep."""
    _read_bucket_policies_of_all_accounts()
    _read_key_policies_of_all_accounts()
    _weigh_policies_of_other_accounts(policy_of)
    _know_who_owns_a_bucket()
    _hold_roots_of_other_accounts_to_policies()
    _let_into_a_bucket_whom_it_let_in()


def _bucket(arn: str) -> str:
    return arn.removeprefix(_BUCKET).partition("/")[0]


def _read_bucket_policies_of_all_accounts() -> None:
    """Find a bucket's policy also for a caller of another account: bucket names are global."""
    buckets = module("services.s3")
    original = buckets.bucket_policy_for_arn

    @functools.wraps(original)
    def policy(resource_arn: str) -> tuple[str, str] | None:
        found: tuple[str, str] | None = original(resource_arn)
        owner = owner_of(resource_arn) if resource_arn.startswith(_BUCKET) else None
        if found is not None or owner is None:
            return found
        return buckets._bucket_policies.get_scoped(owner, None, _bucket(resource_arn)) or "", owner

    buckets.bucket_policy_for_arn = policy


def _read_key_policies_of_all_accounts() -> None:
    """Find a key's policy in the account that its ARN names."""
    keys = module("services.kms")
    original = keys.key_policy_for_arn

    @functools.wraps(original)
    def policy(resource_arn: str) -> Any:
        parts = resource_arn.split(":", 5)
        if len(parts) != 6 or not parts[4]:
            return original(resource_arn)
        with within(parts[4], parts[3]):
            return original(resource_arn)

    keys.key_policy_for_arn = policy


def _weigh_policies_of_other_accounts(policy_of: PolicyLookup) -> None:
    """Weigh the policies of our own services' resources, and let a resource without one be its account's."""
    evaluator = module("core.iam_evaluator")
    original = evaluator._resource_policy

    @functools.wraps(original)
    def resource_policy(service: str, resource_arn: str) -> Any:
        found = original(service, resource_arn)
        owner = account_of_arn(resource_arn)
        if found is not None or owner is None:
            return found
        policy = policy_of(service, resource_arn)
        # A role of another account is entered by its trust policy, which STS weighs itself.
        closed = owner != request_account() and service != "sts"
        return (policy or "", owner) if policy or closed else None

    evaluator._resource_policy = resource_policy


def _know_who_owns_a_bucket() -> None:
    """Let `aws:ResourceAccount` of a bucket be its owner's, not the caller's."""
    evaluator = module("core.iam_evaluator")
    original = evaluator._resolve_condition_key

    @functools.wraps(original)
    def resolve(key: str, context: Any) -> Any:
        if key.lower() in _RESOURCE_ACCOUNT and context.resource_arn.startswith(_BUCKET):
            return owner_of(context.resource_arn) or original(key, context)
        return original(key, context)

    evaluator._resolve_condition_key = resolve


def _hold_roots_of_other_accounts_to_policies() -> None:
    """Let the root of an account do everything in its own only; note which bucket a caller is let into."""
    evaluator = module("core.iam_evaluator")
    original = evaluator.enforce

    @functools.wraps(original)
    def enforce(
        access_key_id: str, iam_action: str, service: str, region: str, resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:  # fmt: skip
        denied = original(access_key_id, iam_action, service, region, resource_arn, service_context)
        caller = access_key_id if _ROOT_KEY.fullmatch(access_key_id or "") else None
        owner = owner_of(resource_arn) if denied is None else None
        if caller and owner not in (None, caller) and iam_action != "s3:CreateBucket":
            denied = _denial_of_root(caller, iam_action, service, region, resource_arn, service_context)
        if denied is None and service == "s3" and owner is not None:
            _let_in.set(_let_in.get() | {_bucket(resource_arn)})
        return denied

    evaluator.enforce = enforce


def _denial_of_root(
    account: str, action: str, service: str, region: str, resource_arn: str, context: dict[str, Any] | None
) -> Any:
    """Return the denial of a root's call on another account's resource; None where its policy allows it."""
    evaluator = module("core.iam_evaluator")
    found = evaluator._resource_policy(service, resource_arn)
    root = f"arn:aws:iam::{account}:root"
    asked = evaluator.EvalContext(
        principal_arn=root, principal_type="Root", principal_account=account, action=action,
        resource_arn=resource_arn, region=region,
        service_context={key.lower(): value for key, value in (context or {}).items()},
    )  # fmt: skip
    if found is None or evaluator.evaluate_resource_policy(found[0], asked).decision == "Allow":
        return None
    return evaluator.EvalResult("ImplicitDeny", root)


def _let_into_a_bucket_whom_it_let_in() -> None:
    """Ask no second time who may use another account's bucket: ministack would ask for the root alone."""
    buckets = module("services.s3")
    original = buckets._foreign_bucket_allows

    @functools.wraps(original)
    def allows(owner_account: str, bucket_name: str, *request: Any) -> bool:
        return bucket_name in _let_in.get() or bool(original(owner_account, bucket_name, *request))

    buckets._foreign_bucket_allows = allows
