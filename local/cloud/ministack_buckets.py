"""What ministack forgets of buckets: their keys, the versions in their events, that they are not empty."""

from __future__ import annotations

import contextvars
import functools
import json
from collections.abc import Mapping
from typing import Any

from local.cloud import ministack_accounts as accounts
from local.cloud import ministack_request as request
from local.cloud.errors import access_denied
from local.cloud.touchpoints import Touchpoint, module

TOUCHPOINTS = (
    Touchpoint("ministack.services.eventbridge", "_dispatch_event", ("event",)),
    Touchpoint("ministack.services.s3", "_fire_s3_event", ("bucket_name", "key", "event_name")),
    Touchpoint("ministack.services.s3", "_bucket_encryption"),
    Touchpoint("ministack.services.s3", "_delete_bucket", ("name",)),
    Touchpoint("ministack.services.s3", "_resolve_sse_write_headers", ("headers", "bucket_name")),
    Touchpoint("ministack.services.cloudformation.provisioners", "_RESOURCE_HANDLERS"),
)

# What an S3 action needs of the key that the bucket's objects are encrypted with.
_KEY_ACTIONS = {
    ("GET", "s3:GetObject"): "kms:Decrypt",
    ("GET", "s3:GetObjectVersion"): "kms:Decrypt",
    ("PUT", "s3:GetObject"): "kms:Decrypt",  # the source of a copy
    ("PUT", "s3:PutObject"): "kms:GenerateDataKey",
    ("POST", "s3:PutObject"): "kms:GenerateDataKey",
}
_SSE = "x-amz-server-side-encryption"
_object_version: contextvars.ContextVar[str | None] = contextvars.ContextVar("object version", default=None)


class Buckets:
    """Mends S3, and knows the keys that templates give to buckets."""

    def __init__(self, region: str) -> None:
        self._region = region
        self._keys: dict[str, str] = {}
        self._with_bucket_key: set[str] = set()
        self._keep_keys()
        self._default_to_the_managed_key()
        _tell_versions_of_objects()

    def key_denial(self, access_key: str, s3_action: str, resource: str, region: str) -> Any:
        """Return the denial of the call's use of the bucket's key, which ministack does not check."""
        evaluator = module("core.iam_evaluator")
        action = _KEY_ACTIONS.get((request.method.get() or "", s3_action))
        where = resource.partition("/")[0]
        bucket = where.removeprefix("arn:aws:s3:::")
        key = self._keys.get(bucket)
        if action is None or key is None:
            return None
        via = {
            "kms:ViaService": f"s3.{region}.amazonaws.com",
            "kms:CallerAccount": accounts.request_account(),
            # A bucket key is used in the name of the bucket.
            "kms:EncryptionContext:aws:s3:arn": where if bucket in self._with_bucket_key else resource,
        }
        denied = evaluator.enforce(access_key, action, "kms", region, resource_arn=key, service_context=via)
        if denied is None or hasattr(denied, "code"):
            return denied
        return evaluator.AuthError("AccessDenied", access_denied(denied.principal_arn, action, key).message)

    def key_of(self, bucket: str) -> tuple[str, bool] | None:
        """Return the ARN of a bucket's key, and whether its objects share a bucket key; None without one."""
        key = self._keys.get(bucket)
        return (key, bucket in self._with_bucket_key) if key else None

    def _keep_keys(self) -> None:
        """Remember the keys that templates give to buckets, which ministack forgets."""
        bucket = module("services.cloudformation.provisioners")._RESOURCE_HANDLERS["AWS::S3::Bucket"]
        create, update = bucket["create"], bucket["update"]

        def kept(made: Any, properties: Mapping[str, Any]) -> Any:
            for rule in properties.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration", ()):
                default = rule.get("ServerSideEncryptionByDefault", {})
                self._encrypt(made[0], default.get("SSEAlgorithm", ""), default.get("KMSMasterKeyID"))
                if str(rule.get("BucketKeyEnabled", "")).lower() == "true":
                    self._with_bucket_key.add(made[0])
            return made

        bucket["create"] = lambda logical_id, properties, *rest: kept(
            create(logical_id, properties, *rest), properties
        )
        bucket["update"] = lambda physical_id, old, new, *rest: kept(
            update(physical_id, old, new, *rest), new
        )

    def _encrypt(self, name: str, algorithm: str, key: str | None) -> None:
        self._keys.pop(name, None)
        if key and algorithm.startswith("aws:kms"):
            owner = accounts.request_account()
            arn = key if key.startswith("arn:") else f"arn:aws:kms:{self._region}:{owner}:key/{key}"
            self._keys[name] = arn
        identifier = f"<KMSMasterKeyID>{key}</KMSMasterKeyID>" if key else ""
        applied = f"<SSEAlgorithm>{algorithm}</SSEAlgorithm>{identifier}"
        module("services.s3")._bucket_encryption[name] = (
            "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>"
            f"{applied}</ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>"
        )

    def _default_to_the_managed_key(self) -> None:
        """Let an upload ask for KMS without naming a key: S3 then takes the account's own, aws/s3."""
        objects = module("services.s3")
        original = objects._resolve_sse_write_headers

        @functools.wraps(original)
        def resolve(headers: Mapping[str, str], bucket_name: str) -> Any:
            if headers.get(_SSE, "") == "aws:kms" and not headers.get(f"{_SSE}-aws-kms-key-id"):
                key = f"arn:aws:kms:{self._region}:{accounts.request_account()}:alias/aws/s3"
                headers = {**headers, f"{_SSE}-aws-kms-key-id": key}
            return original(headers, bucket_name)

        objects._resolve_sse_write_headers = resolve


def _tell_versions_of_objects() -> None:
    """Name in S3's events to EventBridge the version of an object, which ministack leaves out."""
    objects, events = module("services.s3"), module("services.eventbridge")
    fire_original, dispatch_original = objects._fire_s3_event, events._dispatch_event

    @functools.wraps(fire_original)
    def fire(*arguments: Any, version_id: str | None = None, **more: Any) -> Any:
        told = _object_version.set(version_id)
        try:
            return fire_original(*arguments, version_id=version_id, **more)
        finally:
            _object_version.reset(told)

    @functools.wraps(dispatch_original)
    def dispatch(event: dict[str, Any], *arguments: Any, **more: Any) -> Any:
        version = _object_version.get()
        if version and event["Source"] == "aws.s3":
            detail = json.loads(event["Detail"])
            detail["object"]["version-id"] = version
            event = {**event, "Detail": json.dumps(detail)}
        return dispatch_original(event, *arguments, **more)

    objects._fire_s3_event = fire
    events._dispatch_event = dispatch
