"""The one place that touches ministack, the emulator under the local cloud.

ministack publishes no Python API: everything used here is private to it, so each touchpoint is listed, and
checked when the cloud starts; a version that lacks one is refused by name instead of failing somewhere later.
"""

from __future__ import annotations

import contextvars
import functools
import json
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from local.cloud import ministack_accounts as accounts
from local.cloud.errors import AwsError, LocalCloudError
from local.cloud.touchpoints import VERSION, Touchpoint, check_touchpoints
from local.cloud.touchpoints import module as _module

ROOT_SECRET = "local"  # noqa: S105 - root's signature is not checked


# The modules that evaluate a template's conditions, the first of which says how.
_EVALUATE_CONDITIONS = tuple(
    f"services.cloudformation.{name}" for name in ("engine", "handlers", "changesets", "stacks")
)

TOUCHPOINTS = (
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
    Touchpoint("ministack.core.iam_evaluator", "_signed_request"),
    Touchpoint(
        "ministack.core.iam_evaluator",
        "_resource_matches",
        ("resource_arn", "resources", "not_resources"),
    ),
    Touchpoint("ministack.services.athena", "_executions"),
    Touchpoint("ministack.core.iam_evaluator", "find_iam_access_key_account", ("access_key_id",)),
    Touchpoint("ministack.core.iam_evaluator", "EvalContext", ("principal_arn", "principal_type")),
    Touchpoint("ministack.core.iam_evaluator", "_conditions_met", ("conditions", "ctx")),
    Touchpoint("ministack.core.iam_evaluator", "_resolve_condition_key", ("key", "ctx")),
    Touchpoint("ministack.core.iam_evaluator", "evaluate_trust_policy", ("trust_doc", "caller_arn", "ctx")),
    Touchpoint("ministack.core.responses", "set_request_account_id", ("access_key_id",)),
    Touchpoint("ministack.core.responses", "set_request_region", ("region",)),
    Touchpoint("ministack.core.lambda_runtime", "reset"),
    Touchpoint("ministack.services.sts", "register_session", ("access_key", "session")),
    Touchpoint("ministack.services.iam", "_roles"),
    Touchpoint(
        "ministack.services.stepfunctions",
        "_execute_task",
        ("state_def", "raw_input", "execution", "ctx"),
    ),
    Touchpoint("ministack.services.stepfunctions", "_invoke_resource", ("resource", "input_data")),
    Touchpoint(
        "ministack.services.stepfunctions",
        "_invoke_with_callback",
        ("resource", "input_data", "token", "state_def"),
    ),
    Touchpoint("ministack.services.stepfunctions", "_ExecutionError", ("error", "cause")),
    Touchpoint("ministack.services.stepfunctions", "_state_machines"),
    Touchpoint("ministack.services.stepfunctions", "_task_tokens"),
    Touchpoint("ministack.services.eventbridge", "_put_events", ("data", "allow_aws_source")),
    Touchpoint("ministack.services.eventbridge", "_invoke_target", ("target", "event", "rule")),
    Touchpoint("ministack.services.eventbridge", "_dispatch_to_stepfunctions", ("arn", "payload")),
    Touchpoint("ministack.services.eventbridge", "_dispatch_to_lambda", ("arn", "payload")),
    Touchpoint("ministack.services.eventbridge", "_SUPPORTED_TARGET_SERVICES"),
    Touchpoint("ministack.services.apigateway_v1", "_call_lambda_raw", ("function_ref", "event")),
    Touchpoint("ministack.services.lambda_svc", "_get_func_record_for_ref"),
    Touchpoint("ministack.services.lambda_svc", "_execution_record_for_config"),
    Touchpoint("ministack.services.lambda_svc", "invoke_async_with_retry", ("func", "event")),
    Touchpoint("ministack.services.lambda_svc", "_execute_function_warm", ("func", "event", "request_id")),
    Touchpoint("ministack.services.eventbridge", "_dispatch_event", ("event",)),
    Touchpoint("ministack.services.s3", "_fire_s3_event", ("bucket_name", "key", "event_name")),
    Touchpoint("ministack.services.s3", "_bucket_encryption"),
    Touchpoint("ministack.services.s3", "_delete_bucket", ("name",)),
    Touchpoint("ministack.services.s3", "_resolve_sse_write_headers", ("headers", "bucket_name")),
    *(
        Touchpoint(
            f"ministack.services.cloudformation.{name}", "_evaluate_conditions", ("template", "params")
        )
        for name in ("engine", "handlers", "changesets", "stacks")
    ),
    Touchpoint("ministack.services.athena", "_materialize_table_files", ("location", "workdirs")),
    Touchpoint("ministack.services.cloudformation.provisioners", "_RESOURCE_HANDLERS"),
    Touchpoint("ministack.services.cloudformation.stacks", "_runs_on_worker_thread", ("resource_type",)),
    *accounts.TOUCHPOINTS,
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
_IN_CONDITIONS = {"Fn::And", "Fn::Equals", "Fn::Join", "Fn::Not", "Fn::Or", "Fn::Select"}
_TOKEN_ACTIONS = ("states:SendTaskSuccess", "states:SendTaskFailure", "states:SendTaskHeartbeat")
_QUERY_ACTIONS = ("athena:GetQueryExecution", "athena:GetQueryResults", "athena:StopQueryExecution")
_LOG_GROUP = re.compile(r"arn:aws:logs:[^:]*:[^:]*:log-group:[^:]*")
_VARIABLE = re.compile(r"\$\{([^}]+)\}")
_ROLE_SESSION = re.compile(r"arn:([a-z-]+):sts::(\d{12}):assumed-role/([^/]+)/.+")
_EVENT_TARGETS = ("lambda", "states", "sqs", "sns", "events", "codepipeline")


def environment(*, port: int, account: str, region: str, state_dir: Path) -> dict[str, str]:
    """Return the variables that ministack reads, most of them once, when it is imported."""
    return {
        "ATHENA_ENGINE": "duckdb",
        "AUTH": "true",
        "AWS_ACCESS_KEY_ID": account,
        "AWS_DEFAULT_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_REGION": region,
        "AWS_SECRET_ACCESS_KEY": ROOT_SECRET,
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "ERROR",
        "MINISTACK_ACCOUNT_ID": account,
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": region,
        "S3_DATA_DIR": str(state_dir / "s3"),
        "S3_PERSIST": "0",
        "SFTP_ENABLED": "0",
        "TMPDIR": str(state_dir / "tmp"),
    }


@dataclass(frozen=True)
class Identity:
    """A principal that ministack knows an access key of."""

    arn: str
    account: str


@dataclass(frozen=True)
class Execution:
    """The state machine execution that performs a task."""

    arn: str
    role_arn: str
    running: Callable[[], bool]


@dataclass(frozen=True)
class Delivery:
    """One event on its way to one target."""

    target_arn: str
    role_arn: str
    rule_arn: str
    payload: str


class TaskError(Exception):
    """A Step Functions task failed with an error name and a cause."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


_Value = TypeVar("_Value")
# Principal ARN, action, resource, allowed, condition keys.
EnforceListener = Callable[[str, str, str, bool, Mapping[str, Any]], None]
PerformTask = Callable[[str, Any, Execution], Any]
_execution: contextvars.ContextVar[Execution | None] = contextvars.ContextVar("execution", default=None)
_delivery: contextvars.ContextVar[Delivery | None] = contextvars.ContextVar("delivery", default=None)
_method: contextvars.ContextVar[str | None] = contextvars.ContextVar("method", default=None)
_writes_once: contextvars.ContextVar[bool] = contextvars.ContextVar("writes once", default=False)
_access_key: contextvars.ContextVar[str | None] = contextvars.ContextVar("access key", default=None)
_object_version: contextvars.ContextVar[str | None] = contextvars.ContextVar("object version", default=None)


class Ministack:
    """ministack, loaded into this process with its environment set; one per process."""

    def __init__(self, variables: Mapping[str, str], touchpoints: Sequence[Touchpoint] = TOUCHPOINTS) -> None:
        self._account = variables["MINISTACK_ACCOUNT_ID"]
        self._region = variables["MINISTACK_REGION"]
        os.environ.update(variables)
        tempfile.tempdir = variables["TMPDIR"]
        check_touchpoints(touchpoints)
        if not _module("app").AUTH:
            raise LocalCloudError("ministack was imported before the local cloud: IAM would not be enforced")
        _module("services.eventbridge")._SUPPORTED_TARGET_SERVICES.intersection_update(_EVENT_TARGETS)
        # Kept when a token is spent: who may use it is then told that it is, not that it is denied.
        self._machines_of_tokens: dict[str, str] = {}
        self._session_variables: dict[str, Mapping[str, Any]] = {}
        self._policies: accounts.PolicyLookup = lambda service, arn: None
        accounts.mend(lambda service, arn: self._policies(service, arn))
        self._fill_policy_variables()
        self._know_sessions_by_their_roles()
        self._know_conditional_writes()
        self._keep_bucket_keys()
        self._refuse_deletions()
        self._default_to_the_managed_key()
        self._tell_versions_of_objects()
        self._evaluate_joins()
        self._check_queries()
        self._name_function_errors()

    async def app(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        """Serve a request as an ASGI application; one from this machine counts as TLS."""
        if scope["type"] == "http":
            accounts.begin_request()
            _method.set(scope["method"])
            headers = dict(scope["headers"])
            _writes_once.set(headers.get(b"if-none-match") == b"*" and b"x-amz-copy-source" not in headers)
            scope = {**scope, "headers": [*scope["headers"], (b"x-forwarded-proto", b"https")]}
        await _module("app").app(scope, receive, send)

    # -- IAM ------------------------------------------------------------------------------------------------

    def on_enforce(self, listener: EnforceListener) -> None:
        """Tell `listener` about each decision of the policy evaluator, of all services."""
        evaluator = _module("core.iam_evaluator")
        original = evaluator.enforce

        @functools.wraps(original)
        def enforce(
            access_key_id: str, iam_action: str, service: str, region: str, *rest: Any, **options: Any
        ) -> Any:
            _access_key.set(access_key_id)
            resource = str(options.pop("resource_arn", rest[0] if rest else "*"))
            if iam_action in _TOKEN_ACTIONS:
                resource = self._machine_of_token(resource)
            elif iam_action in _QUERY_ACTIONS:
                resource = self._workgroup_of_query(resource, region)
            elif _LOG_GROUP.fullmatch(resource):
                resource += f":log-stream:{_member_of_request('logStreamName')}"  # as AWS writes it
            resource = self._policy_or_its_target(iam_action, region) or resource
            denied = original(access_key_id, iam_action, service, region, resource, *rest[1:], **options)
            context = options.get("service_context", rest[1] if len(rest) > 1 else None) or {}
            listener(self.identity(access_key_id).arn, iam_action, resource, denied is None, context)
            if denied is None and service == "s3":
                return self._key_denial(access_key_id, iam_action, resource, region)
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

    def _policy_or_its_target(self, action: str, region: str) -> str | None:
        """Return what AWS IoT checks a call about the holders of a policy against; None for another call."""
        if action == "iot:DetachPolicy":
            return _member_of_request("target")
        request = _module("core.iam_evaluator")._signed_request.get()
        if action == "iot:ListTargetsForPolicy" and request is not None:
            policy = request.raw_path.rpartition("/")[2]
            return f"arn:aws:iot:{region}:{accounts.request_account()}:policy/{policy}"
        return None

    def _machine_of_token(self, otherwise: str) -> str:
        """Return the state machine that the request's task token is of: AWS checks the call against it."""
        token = _member_of_request("taskToken")
        return self._machines_of_tokens.get(token, otherwise)

    def _workgroup_of_query(self, otherwise: str, region: str) -> str:
        """Return the workgroup that the request's query runs in, which AWS checks the call against."""
        query = _module("services.athena")._executions.get(_member_of_request("QueryExecutionId"))
        if query is None:
            return otherwise
        return f"arn:aws:athena:{region}:{accounts.request_account()}:workgroup/{query['WorkGroup']}"

    def _fill_policy_variables(self) -> None:
        """Fill `${key}` in the resources of a policy from what is known of the session, as AWS does."""
        evaluator = _module("core.iam_evaluator")
        original = evaluator._resource_matches

        @functools.wraps(original)
        def matches(resource_arn: str, resources: list[str], not_resources: list[str]) -> Any:
            known = self._session_variables.get(_access_key.get() or "", {})
            filled = [_filled(pattern, known) for pattern in resources]
            # A pattern with a variable that has no value matches nothing.
            usable = [pattern for pattern in filled if pattern is not None]
            if resources and not usable:
                return False
            return original(resource_arn, usable, not_resources)

        evaluator._resource_matches = matches

    def _know_sessions_by_their_roles(self) -> None:
        """Let `aws:PrincipalArn` of a role's session be the role, as IAM does, and not the session."""
        evaluator = _module("core.iam_evaluator")
        original = evaluator._resolve_condition_key

        @functools.wraps(original)
        def resolve(key: str, context: Any) -> Any:
            found = original(key, context)
            return self._role_of_session(found) if key.lower() == "aws:principalarn" else found

        evaluator._resolve_condition_key = resolve

    def _know_conditional_writes(self) -> None:
        """Let `s3:if-none-match` be the header of a write that fails where there is an object already.

        S3 takes nothing but `*` there, and only with an upload; ministack would copy over what is there.
        """
        evaluator = _module("core.iam_evaluator")
        original = evaluator._resolve_condition_key

        @functools.wraps(original)
        def resolve(key: str, context: Any) -> Any:
            if key.lower() == "s3:if-none-match":
                return "*" if _writes_once.get() else None
            return original(key, context)

        evaluator._resolve_condition_key = resolve

    def _role_of_session(self, principal_arn: str) -> str:
        session = _ROLE_SESSION.fullmatch(principal_arn)
        if session is None:
            return principal_arn
        partition, account, name = session.groups()
        role = _module("services.iam")._roles.get_scoped(account, None, name)
        return str(role["Arn"]) if role else f"arn:{partition}:iam::{account}:role/{name}"

    def _key_denial(self, access_key: str, s3_action: str, resource: str, region: str) -> Any:
        """Return the denial of the call's use of the bucket's key, which ministack does not check."""
        evaluator = _module("core.iam_evaluator")
        action = _KEY_ACTIONS.get((_method.get() or "", s3_action))
        where = resource.partition("/")[0]
        bucket = where.removeprefix("arn:aws:s3:::")
        key = self._bucket_keys.get(bucket)
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

    def _keep_bucket_keys(self) -> None:
        """Remember the keys that templates give to buckets, which ministack forgets."""
        self._bucket_keys: dict[str, str] = {}
        self._with_bucket_key: set[str] = set()
        bucket = _module("services.cloudformation.provisioners")._RESOURCE_HANDLERS["AWS::S3::Bucket"]
        create, update = bucket["create"], bucket["update"]

        def kept(made: Any, properties: Mapping[str, Any]) -> Any:
            for rule in properties.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration", ()):
                default = rule.get("ServerSideEncryptionByDefault", {})
                self._encrypt_bucket(made[0], default.get("SSEAlgorithm", ""), default.get("KMSMasterKeyID"))
                if str(rule.get("BucketKeyEnabled", "")).lower() == "true":
                    self._with_bucket_key.add(made[0])
            return made

        bucket["create"] = lambda logical_id, properties, *rest: kept(
            create(logical_id, properties, *rest), properties
        )
        bucket["update"] = lambda physical_id, old, new, *rest: kept(
            update(physical_id, old, new, *rest), new
        )

    def _refuse_deletions(self) -> None:
        """Delete no bucket that holds something and no table that is protected: no stack on AWS does."""
        types = _module("services.cloudformation.provisioners")._RESOURCE_HANDLERS
        delete_table = types["AWS::DynamoDB::Table"]["delete"]

        def delete_bucket(name: str, properties: Mapping[str, Any]) -> None:
            status, _, body = _module("services.s3")._delete_bucket(name)
            if status not in (204, 404):
                raise ValueError(f"the bucket {name} is not deleted: {body!r}")

        def delete_unprotected(name: str, properties: Mapping[str, Any]) -> None:
            if str(properties.get("DeletionProtectionEnabled", "")).lower() == "true":
                raise ValueError(f"the table {name} is protected against deletion")
            delete_table(name, properties)

        types["AWS::S3::Bucket"]["delete"] = delete_bucket
        types["AWS::DynamoDB::Table"]["delete"] = delete_unprotected

    def _encrypt_bucket(self, name: str, algorithm: str, key: str | None) -> None:
        self._bucket_keys.pop(name, None)
        if key and algorithm.startswith("aws:kms"):
            owner = accounts.request_account()
            arn = key if key.startswith("arn:") else f"arn:aws:kms:{self._region}:{owner}:key/{key}"
            self._bucket_keys[name] = arn
        identifier = f"<KMSMasterKeyID>{key}</KMSMasterKeyID>" if key else ""
        applied = f"<SSEAlgorithm>{algorithm}</SSEAlgorithm>{identifier}"
        _module("services.s3")._bucket_encryption[name] = (
            "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>"
            f"{applied}</ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>"
        )

    def _default_to_the_managed_key(self) -> None:
        """Let an upload ask for KMS without naming a key: S3 then takes the account's own, aws/s3."""
        objects = _module("services.s3")
        original = objects._resolve_sse_write_headers

        @functools.wraps(original)
        def resolve(headers: Mapping[str, str], bucket_name: str) -> Any:
            if headers.get(_SSE, "") == "aws:kms" and not headers.get(f"{_SSE}-aws-kms-key-id"):
                key = f"arn:aws:kms:{self._region}:{accounts.request_account()}:alias/aws/s3"
                headers = {**headers, f"{_SSE}-aws-kms-key-id": key}
            return original(headers, bucket_name)

        objects._resolve_sse_write_headers = resolve

    def _tell_versions_of_objects(self) -> None:
        """Name in S3's events to EventBridge the version of an object, which ministack leaves out."""
        objects, events = _module("services.s3"), _module("services.eventbridge")
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

    def _evaluate_joins(self) -> None:
        """Evaluate `Fn::Join` in a template's conditions, which ministack compares as it stands there."""
        original = _module(_EVALUATE_CONDITIONS[0])._evaluate_conditions

        @functools.wraps(original)
        def evaluate(template: Mapping[str, Any], params: Mapping[str, Any]) -> Any:
            conditions = {
                name: _joined(condition, params)
                for name, condition in (template.get("Conditions") or {}).items()
            }
            return original({**template, "Conditions": conditions}, params)

        for module in _EVALUATE_CONDITIONS:
            _module(module)._evaluate_conditions = evaluate

    def _check_queries(self) -> None:
        """Hold an Athena query's reading to the policies of who asked, as Athena does."""
        athena = _module("services.athena")
        original = athena._materialize_table_files

        @functools.wraps(original)
        def read(location: str, workdirs: Any) -> Any:
            bucket, _, prefix = location.removeprefix("s3://").partition("/")
            where = f"arn:aws:s3:::{bucket}"
            token = _method.set("GET")
            try:
                key = _access_key.get() or ""
                self.enforce(key, "s3:ListBucket", self._region, where, {"s3:prefix": prefix})
                self.enforce(key, "s3:GetObject", self._region, f"{where}/{prefix.rstrip('/')}/data")
            finally:
                _method.reset(token)
            return original(location, workdirs)

        athena._materialize_table_files = read

    def _name_function_errors(self) -> None:
        """Give a failed function's answer the name of its exception, which state machines catch it by."""
        functions = _module("services.lambda_svc")
        original = functions._execute_function_warm

        @functools.wraps(original)
        def execute(function: Any, event: Any, request_id: str) -> Any:
            answer = original(function, event, request_id)
            name = _exception_name(str(answer.get("log", "")))
            if answer.get("error") and name:
                answer["body"]["errorType"] = name
            return answer

        functions._execute_function_warm = execute

    @contextmanager
    def request(
        self, *, method: str, raw_path: str, query: Mapping[str, Any], headers: Any, body: bytes, region: str,
        access_key: str,
    ) -> Iterator[None]:  # fmt: skip
        """Make the thread's context that of one signed request, for `enforce`."""
        evaluator, responses = _module("core.iam_evaluator"), _module("core.responses")
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
        evaluator = _module("core.iam_evaluator")
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
        found = _module("core.iam_evaluator").resolve_credential(access_key, account)
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
        record: Mapping[str, Any] | None = _module("services.iam")._roles.get_scoped(owner, None, name)
        return record

    def conditions_met(self, conditions: Mapping[str, Any], service: str, context: Mapping[str, Any]) -> bool:
        """Evaluate a statement's conditions for a call that an AWS service makes."""
        evaluator = _module("core.iam_evaluator")
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
        _module("services.sts").register_session(access_key, dict(session))

    # -- Step Functions -------------------------------------------------------------------------------------

    def on_task(self, perform: PerformTask) -> None:
        """Let `perform` do every task of every state machine; it raises TaskError to fail the state."""
        machines = _module("services.stepfunctions")
        original = machines._execute_task
        activity = machines._invoke_resource

        @functools.wraps(original)
        def execute_task(state: Any, raw_input: Any, execution: Any, context: Any) -> Any:
            role = machines._state_machines[execution["stateMachineArn"]]["roleArn"]
            running = Execution(
                execution["executionArn"], role, lambda: bool(execution["status"] == "RUNNING")
            )
            token = _execution.set(running)
            try:
                return original(state, raw_input, execution, context)
            finally:
                _execution.reset(token)

        @functools.wraps(activity)
        def invoke(resource: str, parameters: Any) -> Any:
            if ":activity:" in resource:
                return activity(resource, parameters)
            try:
                return perform(resource, parameters, _required(_execution))
            except TaskError as error:
                raise machines._ExecutionError(error.error, error.cause) from error

        @functools.wraps(machines._invoke_with_callback)
        def invoke_with_callback(resource: str, parameters: Any, token: str, state: Any) -> Any:
            waiting: dict[str, Any] = {
                "event": threading.Event(), "result": None, "error": None, "heartbeat": None
            }  # fmt: skip
            self._machines_of_tokens[token] = _machine_arn(_required(_execution).arn)
            machines._task_tokens[token] = waiting
            try:
                invoke(resource.replace(".waitForTaskToken", ""), parameters)
                _await_callback(waiting, state, _required(_execution))
            except TaskError as error:
                raise machines._ExecutionError(error.error, error.cause) from error
            finally:
                machines._task_tokens.pop(token, None)
            return json.loads(waiting["result"] or "{}")

        machines._execute_task = execute_task
        machines._invoke_resource = invoke
        machines._invoke_with_callback = invoke_with_callback

    # -- EventBridge ----------------------------------------------------------------------------------------

    def emit(
        self, account: str, source: str, detail_type: str, detail: Mapping[str, Any], resources: Sequence[str]
    ) -> None:
        """Put an event of an AWS service on an account's default bus, which PutEvents refuses to do."""
        entry = {
            "Source": source, "DetailType": detail_type, "Detail": json.dumps(detail),
            "Resources": list(resources),
        }  # fmt: skip
        with accounts.within(account, self._region):
            _module("services.eventbridge")._put_events({"Entries": [entry]}, allow_aws_source=True)

    def on_delivery(self, deliver: Callable[[Delivery], None]) -> None:
        """Let `deliver` bring events to functions, state machines and pipelines; it must not block."""
        events = _module("services.eventbridge")
        original = events._invoke_target

        @functools.wraps(original)
        def invoke_target(target: Any, event: Any, rule: Any, view: Any = None) -> None:
            rule_arn = rule.get("Arn", "")
            arn = target.get("Arn", "")
            token = _delivery.set(Delivery(arn, target.get("RoleArn", ""), rule_arn, ""))
            # ministack drops what is for a pipeline; for a state machine it makes the payload and dispatches.
            handed = {**target, "Arn": arn.replace(":codepipeline:", ":states:")}
            try:
                original(handed, event, rule, view)
            finally:
                _delivery.reset(token)

        def dispatch(arn: str, payload: str) -> None:
            on_way = _required(_delivery)
            deliver(Delivery(on_way.target_arn, on_way.role_arn, on_way.rule_arn, payload))

        events._invoke_target = invoke_target
        events._dispatch_to_stepfunctions = dispatch
        events._dispatch_to_lambda = dispatch

    # -- Lambda ---------------------------------------------------------------------------------------------

    def function_policy(self, function_arn: str) -> Mapping[str, Any] | None:
        """Return the resource policy of a function; None when there is no such function."""
        with self._scope_of(function_arn):
            record, config, _ = _module("services.lambda_svc")._get_func_record_for_ref(function_arn)
            if not record or not config:
                return None
            policy = record.get("policy") or config.get("_policy") or {"Statement": []}
            return json.loads(policy) if isinstance(policy, str) else dict(policy)

    def on_api_invocation(self, may_invoke: Callable[[str, str], bool]) -> None:
        """Let `may_invoke` decide, by function and API method ARN, whether an API may call a function."""
        apis = _module("services.apigateway_v1")
        original = apis._call_lambda_raw

        @functools.wraps(original)
        async def call(function: str, event: Mapping[str, Any], **scope: Any) -> Any:
            context = event["requestContext"]
            method = f"{context['stage']}/{context['httpMethod']}{context['resourcePath']}"
            api = f"arn:aws:execute-api:{self._region}:{context['accountId']}:{context['apiId']}/{method}"
            if not may_invoke(function, api):
                return None, f"{function} does not let {api} invoke it"
            return await original(function, event, **scope)

        apis._call_lambda_raw = call

    def invoke_asynchronously(self, function_arn: str, event: Any) -> None:
        """Queue an event for a function, retried as Lambda retries asynchronous invocations."""
        with self._scope_of(function_arn):
            functions = _module("services.lambda_svc")
            record, config, _ = functions._get_func_record_for_ref(function_arn)
            functions.invoke_async_with_retry(functions._execution_record_for_config(record, config), event)

    def stop_functions(self) -> None:
        """End the processes that Lambda functions run in."""
        _module("core.lambda_runtime").reset()

    # -- CloudFormation -------------------------------------------------------------------------------------

    def add_resource_types(self, handlers: Mapping[str, MutableMapping[str, Any]]) -> None:
        """Register CloudFormation types, whose handlers then run on worker threads.

        They call this very server and wait for it, which on its event loop would be a deadlock.
        """
        _module("services.cloudformation.provisioners")._RESOURCE_HANDLERS.update(handlers)
        stacks = _module("services.cloudformation.stacks")
        original = stacks._runs_on_worker_thread

        @functools.wraps(original)
        def runs_on_worker_thread(resource_type: str) -> bool:
            return resource_type in handlers or original(resource_type)

        stacks._runs_on_worker_thread = runs_on_worker_thread

    def _scope_of(self, arn: str) -> AbstractContextManager[None]:
        return accounts.within(accounts.account_of_arn(arn) or self._account, self._region)


def access_denied(principal_arn: str, action: str, resource: str, *, explicit: bool = False) -> AwsError:
    """Return AWS's answer to a call that a policy does not allow."""
    reason = (
        "with an explicit deny"
        if explicit
        else f"because no identity-based policy allows the {action} action"
    )
    return AwsError(
        "AccessDeniedException",
        f"User: {principal_arn} is not authorized to perform: {action} on resource: {resource} {reason}",
    )


def _required(variable: contextvars.ContextVar[_Value | None]) -> _Value:
    value = variable.get()
    if value is None:
        raise LocalCloudError(f"ministack {VERSION}: {variable.name} is not known where it is needed")
    return value


def _await_callback(waiting: Mapping[str, Any], state: Mapping[str, Any], execution: Execution) -> None:
    """Wait until the task's token came back, its time is over or the execution was stopped."""
    timeout, heartbeat = state.get("TimeoutSeconds"), state.get("HeartbeatSeconds")
    started = last_sign = time.monotonic()
    sign = waiting["heartbeat"]
    while not waiting["event"].wait(0.2):
        now = time.monotonic()
        if waiting["heartbeat"] != sign:
            sign, last_sign = waiting["heartbeat"], now
        if not execution.running():
            raise TaskError("States.Runtime", "the execution was stopped")
        if timeout is not None and now - started > timeout:
            raise TaskError("States.Timeout", f"no task token came back within {timeout} seconds")
        if heartbeat is not None and now - last_sign > heartbeat:
            raise TaskError("States.HeartbeatTimeout", f"no heartbeat within {heartbeat} seconds")
    if error := waiting["error"]:
        raise TaskError(error.get("Error", "TaskFailed"), error.get("Cause", ""))


def _joined(expression: Any, params: Mapping[str, Any]) -> Any:
    """Return a condition's expression with its joins done; ValueError for what would not be evaluated."""
    if isinstance(expression, list):
        return [_joined(item, params) for item in expression]
    if not isinstance(expression, dict):
        return expression
    for name in expression:
        if name.startswith("Fn::") and name not in _IN_CONDITIONS:
            raise ValueError(f"Template error: the local cloud evaluates no {name} in a condition")
    if "Fn::Join" in expression:
        delimiter, items = expression["Fn::Join"]
        return str(delimiter).join(_texts(items, params))
    return {name: _joined(item, params) for name, item in expression.items()}


def _texts(items: Any, params: Mapping[str, Any]) -> list[str]:
    """Return what a join in a condition joins: texts and parameters, or one parameter that is a list."""
    if isinstance(items, Mapping):
        return [text.strip() for text in str(params[items["Ref"]]["Value"]).split(",")]
    return [str(params[item["Ref"]]["Value"]) if isinstance(item, Mapping) else item for item in items]


def _exception_name(log: str) -> str | None:
    """Return the name of the exception that a log's last traceback ends with; its message may have lines."""
    _, traceback, frames = log.rpartition("Traceback (most recent call last):")
    if not traceback:
        return None
    name = re.search(r"^(?:\w+\.)*(\w+)(?::|$)", frames.lstrip("\n"), re.MULTILINE)
    return name[1] if name else None


def _machine_arn(execution_arn: str) -> str:
    return execution_arn.replace(":execution:", ":stateMachine:", 1).rpartition(":")[0]


def _member_of_request(name: str) -> str:
    """Return a text member of the signed request's JSON body; empty where there is none."""
    request = _module("core.iam_evaluator")._signed_request.get()
    try:
        return str(json.loads(request.body)[name])
    except (AttributeError, ValueError, TypeError, KeyError):
        return ""


def _filled(pattern: str, variables: Mapping[str, Any]) -> str | None:
    """Fill the variables of a policy's resource; None where one has no value."""
    names = _VARIABLE.findall(pattern)
    if not all(name in variables for name in names):
        return None
    return _VARIABLE.sub(lambda found: str(variables[found[1]]), pattern)
