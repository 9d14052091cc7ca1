"""CloudFront as ministack has it, mended: origins of this cloud, whom a bucket and its key let in."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

from local.cloud import ministack_accounts as accounts
from local.cloud.ministack_monitoring import service_may
from local.cloud.service import Request
from local.cloud.touchpoints import Touchpoint, module

_CLOUDFRONT = "ministack.services.cloudfront"
_S3 = "ministack.services.s3"

TOUCHPOINTS = (
    Touchpoint(_CLOUDFRONT, "_distributions"),
    Touchpoint(_CLOUDFRONT, "_check_allowed_methods", ("behavior", "method")),
    Touchpoint(
        _CLOUDFRONT, "_fetch_from_origin", ("origin", "method", "uri", "query_string", "headers", "body")
    ),
    Touchpoint(
        _CLOUDFRONT, "handle_viewer_request", ("dist", "method", "path", "raw_uri", "raw_query_string")
    ),
    Touchpoint(_S3, "_cloudfront_origin_allows", ("owner", "bucket_name", "key", "source_arn", "oai_id")),
    Touchpoint("ministack.services.apigateway_v1", "method_authorization_type", ("api_id", "stage_name")),
    Touchpoint("ministack.app", "_handle_execute_api_request", ("host", "path", "method", "headers", "body")),
)

Answer = tuple[int, Mapping[str, Any], bytes]
KeyOf = Callable[[str], tuple[str, bool] | None]

_API = re.compile(r"(?P<api>[a-z0-9]+)\.execute-api\.[a-z0-9-]+\.amazonaws\.com")
_PRINCIPAL = "cloudfront.amazonaws.com"


class Distributions:
    """Serves the distributions of all accounts; `key_of` gives a bucket's key, and if objects share it."""

    def __init__(self, region: str, key_of: KeyOf) -> None:
        self._region = region
        _allow_reading_only()
        _serve_origins_of_apis()
        _ask_the_key_of_a_bucket(region, key_of)

    async def answer(self, host: str, request: Request, path: str, query: str) -> Answer | None:
        """Return a distribution's answer to a viewer, None where no distribution has this host."""
        cloudfront = module("services.cloudfront")
        every = list(cloudfront._distributions.to_dict().items())
        named = [(key[0], found) for key, found in every if found["DomainName"].lower() == host]
        if not named or not named[0][1].get("enabled", True):
            return None
        account, found = named[0]
        module("core.iam_evaluator").pin_request_origin("127.0.0.1", True)
        headers = {**request.headers, "host": host, "x-forwarded-proto": "https"}
        with accounts.within(account, self._region):
            answer: Answer = await cloudfront.handle_viewer_request(
                found, request.method, path, request.path, query, headers, request.body, dict(request.query)
            )
        return answer


def _allow_reading_only() -> None:
    """Take GET and HEAD where a behaviour names no methods, which is what CloudFront does."""
    cloudfront = module("services.cloudfront")
    original = cloudfront._check_allowed_methods

    @functools.wraps(original)
    def check(behavior: Mapping[str, Any], method: str) -> Any:
        allowed = behavior.get("allowed_methods") or ["GET", "HEAD"]
        return original({**behavior, "allowed_methods": allowed}, method)

    cloudfront._check_allowed_methods = check


def _serve_origins_of_apis() -> None:
    """Fetch from a stage of a REST API, which ministack would not look for in itself."""
    cloudfront = module("services.cloudfront")
    original = cloudfront._fetch_from_origin

    @functools.wraps(original)
    async def fetch(
        origin: Mapping[str, Any], method: str, uri: str, query_string: str, headers: Mapping[str, str],
        body: bytes, *rest: Any,
    ) -> Any:  # fmt: skip
        api = _API.fullmatch(origin["domain_name"])
        if api is None:
            return await original(origin, method, uri, query_string, headers, body, *rest)
        path = (origin.get("origin_path") or "") + uri
        status, answered, content = await _ask_api(api["api"], path, method, query_string, headers, body)
        return status, "", {name.lower(): value for name, value in answered.items()}, content

    cloudfront._fetch_from_origin = fetch


async def _ask_api(
    api: str, path: str, method: str, query: str, headers: Mapping[str, str], body: bytes
) -> Answer:
    stage, _, resource = path.lstrip("/").partition("/")
    kind = module("services.apigateway_v1").method_authorization_type(api, stage, method, f"/{resource}")
    if kind == "AWS_IAM":  # the signature is for another host than the one that is asked
        message = {
            "message": "The request signature we calculated does not match the signature you provided."
        }
        return 403, {"content-type": "application/json"}, json.dumps(message).encode()
    asked: Answer = await module("app")._handle_execute_api_request(
        "", f"/_aws/execute-api/{api}{path}", method, dict(headers), body,
        parse_qs(query, keep_blank_values=True),
    )  # fmt: skip
    return asked


def _ask_the_key_of_a_bucket(region: str, key_of: KeyOf) -> None:
    """Let a distribution read what is encrypted with a key only where the key's policy lets it too."""
    buckets = module("services.s3")
    original = buckets._cloudfront_origin_allows

    @functools.wraps(original)
    def allows(owner: str, bucket_name: str, key: str, source_arn: str, oai_id: str) -> bool:
        if not original(owner, bucket_name, key, source_arn, oai_id):
            return False
        encrypted = key_of(bucket_name)
        if encrypted is None:
            return True
        arn, whole_bucket = encrypted
        where = f"arn:aws:s3:::{bucket_name}" + ("" if whole_bucket else f"/{key}")
        context = {
            "aws:SourceArn": source_arn,
            "kms:ViaService": f"s3.{region}.amazonaws.com",
            "kms:EncryptionContext:aws:s3:arn": where,
        }
        policy = module("services.kms").key_policy_for_arn(arn)
        text = policy[0] if isinstance(policy, tuple) else policy
        return bool(text) and service_may(_PRINCIPAL, "kms:Decrypt", arn, text, region, context)

    buckets._cloudfront_origin_allows = allows
