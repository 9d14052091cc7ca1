"""Signed PUTs to S3 without boto3: awscrt signs, http.client sends."""

import hashlib
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import quote, urlsplit

from awscrt import auth, http

from edge.inspector.credentials import NoCredentials, TokenExchange

_TIMEOUT_SECONDS = 30


class NotStored(Exception):  # noqa: N818 - the name that callers read
    """A PUT that did not succeed, and why; it may be tried again.

    `only_this` means that S3 answered and refused this object, so that others may still be taken.
    """

    def __init__(self, reason: str, *, only_this: bool = False) -> None:
        super().__init__(reason)
        self.only_this = only_this


@dataclass(frozen=True)
class Address:
    """Where an object goes: scheme, host with port, and the encoded path."""

    scheme: str
    host: str
    path: str


def address(bucket: str, key: str, region: str, endpoint: str | None) -> Address:
    """Return the bucket's own host, or the path-style address below an endpoint that is given."""
    encoded = quote(key, safe="/-_.~")
    if endpoint is None:
        return Address("https", f"{bucket}.s3.{region}.amazonaws.com", f"/{encoded}")
    parts = urlsplit(endpoint)
    return Address(parts.scheme, parts.netloc, f"{parts.path.rstrip('/')}/{bucket}/{encoded}")


class ObjectStore:
    """S3 as this device may use it: PutObject."""

    def __init__(self, tokens: TokenExchange, *, region: str, endpoint: str | None = None) -> None:
        self._tokens = tokens
        self._region = region
        self._endpoint = endpoint

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "ObjectStore":
        """Build one from the variables that the nucleus gives a component. Raises KeyError without them."""
        tokens = TokenExchange(
            environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"],
            environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"],
        )
        endpoint = environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL")
        return cls(tokens, region=environment["AWS_REGION"], endpoint=endpoint)

    def put(
        self,
        bucket: str,
        key: str,
        body: bytes,
        *,
        content_type: str,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        """Store one object whole. Raises NotStored."""
        where = address(bucket, key, self._region, self._endpoint)
        headers = {"host": where.host, "content-type": content_type, "content-length": str(len(body))}
        headers |= {f"x-amz-meta-{name}": value for name, value in (metadata or {}).items()}
        try:
            status, answer = _send(where, self._sign(where.path, headers, body), body)
        except NoCredentials as error:
            raise NotStored(str(error)) from error
        except (OSError, HTTPException) as error:
            raise NotStored(f"s3://{bucket}/{key}: {where.host} cannot be reached: {error}") from error
        if status == 403:
            self._tokens.forget()
        if status != 200:
            raise NotStored(
                f"s3://{bucket}/{key}: {status}: {_one_line(answer)}", only_this=400 <= status < 500
            )

    def _sign(self, path: str, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
        credentials = self._tokens.credentials()
        request = http.HttpRequest("PUT", path, http.HttpHeaders(list(headers.items())))
        signing = auth.AwsSigningConfig(
            algorithm=auth.AwsSigningAlgorithm.V4,
            signature_type=auth.AwsSignatureType.HTTP_REQUEST_HEADERS,
            credentials_provider=auth.AwsCredentialsProvider.new_static(
                credentials.access_key, credentials.secret_key, credentials.session_token
            ),
            region=self._region,
            service="s3",
            use_double_uri_encode=False,
            should_normalize_uri_path=False,
            signed_body_value=hashlib.sha256(body).hexdigest(),
            signed_body_header_type=auth.AwsSignedBodyHeaderType.X_AMZ_CONTENT_SHA_256,
        )
        signed = auth.aws_sign_request(request, signing).result(_TIMEOUT_SECONDS)
        return dict(signed.headers)


def _send(where: Address, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
    connection = _connect(where)
    try:
        connection.request("PUT", where.path, body=body, headers=dict(headers))
        response = connection.getresponse()
        return response.status, response.read(2000).decode("utf-8", "replace")
    finally:
        connection.close()


def _connect(where: Address) -> HTTPConnection:
    if where.scheme == "http":
        return HTTPConnection(where.host, timeout=_TIMEOUT_SECONDS)
    context = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE") or None)
    return HTTPSConnection(where.host, timeout=_TIMEOUT_SECONDS, context=context)


def _one_line(answer: str) -> str:
    return " ".join(answer.split())[:300]
