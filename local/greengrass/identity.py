"""Who a device is to AWS IoT: certificate, thing and policies; and the credentials that these are worth."""

import fnmatch
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from local.cloud.call import Credentials
from local.cloud.errors import AwsError

CREDENTIAL_PROVIDER = "credentials.iot.amazonaws.com"
_TRUSTED_FOR_SECONDS = 2.0
_CLOCK_SKEW_SECONDS = 300.0


class Clients(Protocol):
    """What this needs of the rest of the cloud."""

    def client(self, service: str) -> Any:
        """Return a boto3 client that reads as AWS IoT itself does."""


class Assume(Protocol):
    """Assumes a role as an AWS service does; AwsError if the role does not trust it."""

    def __call__(
        self,
        role_arn: str,
        service: str,
        session_name: str,
        *,
        lifetime_seconds: int,
        context: Mapping[str, Any],
    ) -> Credentials:
        """Return credentials that policies see `context` with."""


@dataclass(frozen=True)
class Identity:
    """A device whose signature was verified. `groups` are ARNs of thing groups."""

    thing: str
    thing_arn: str
    account: str
    region: str
    policies: tuple[Mapping[str, Any], ...]
    groups: tuple[str, ...]
    public_key: rsa.RSAPublicKey
    read_at: float

    def require(self, action: str, resource: str) -> None:
        """Raise AwsError AccessDeniedException unless the certificate's IoT policies allow it."""
        if not allowed(self.policies, action, resource, self.thing):
            raise AwsError(
                "AccessDeniedException",
                f"thing {self.thing}: no IoT policy of its certificate allows {action} on {resource}",
                403,
            )

    def arn(self, resource: str) -> str:
        """Return an IoT ARN in the device's account and region."""
        return f"arn:aws:iot:{self.region}:{self.account}:{resource}"


class Registry:
    """Looks devices up in AWS IoT; what it finds is trusted for two seconds."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._known: dict[tuple[str, str], Identity] = {}

    def verify(
        self, thing: str, certificate_id: str, signature: bytes, message: bytes, sent_at: float
    ) -> Identity:
        """Return who signed `message`. Raises AwsError if it is not the thing's active certificate."""
        if abs(time.time() - sent_at) > _CLOCK_SKEW_SECONDS:
            raise _unauthorized(f"thing {thing}: the request was signed too long ago")
        identity = self._identity(thing, certificate_id)
        try:
            identity.public_key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature as error:
            raise _unauthorized(
                f"thing {thing}: not signed with the key of certificate {certificate_id}"
            ) from error
        return identity

    def _identity(self, thing: str, certificate_id: str) -> Identity:
        known = self._known.get((thing, certificate_id))
        if known is None or time.time() - known.read_at > _TRUSTED_FOR_SECONDS:
            known = self._read(thing, certificate_id)
            self._known[thing, certificate_id] = known
        return known

    def _read(self, thing: str, certificate_id: str) -> Identity:
        iot = self._clients.client("iot")
        try:
            certificate = iot.describe_certificate(certificateId=certificate_id)["certificateDescription"]
            thing_arn = iot.describe_thing(thingName=thing)["thingArn"]
            principals = iot.list_thing_principals(thingName=thing)["principals"]
            names = iot.list_attached_policies(target=certificate["certificateArn"])["policies"]
            documents = [iot.get_policy(policyName=p["policyName"])["policyDocument"] for p in names]
            groups = iot.list_thing_groups_for_thing(thingName=thing)["thingGroups"]
        except ClientError as error:
            raise _unauthorized(f"thing {thing}: {error}") from error
        if certificate["status"] != "ACTIVE":
            raise _unauthorized(f"thing {thing}: certificate {certificate_id} is {certificate['status']}")
        if certificate["certificateArn"] not in principals:
            raise _unauthorized(f"thing {thing}: certificate {certificate_id} is not attached to it")
        return Identity(
            thing=thing,
            thing_arn=thing_arn,
            account=thing_arn.split(":")[4],
            region=thing_arn.split(":")[3],
            policies=tuple(json.loads(document) for document in documents),
            groups=tuple(group["groupArn"] for group in groups),
            public_key=_public_key(certificate["certificatePem"]),
            read_at=time.time(),
        )


def _public_key(pem: str) -> rsa.RSAPublicKey:
    key = x509.load_pem_x509_certificate(pem.encode()).public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise _unauthorized("the certificate's key is not RSA")
    return key


def _unauthorized(message: str) -> AwsError:
    return AwsError("UnauthorizedException", message, 401)


def exchange(
    identity: Identity,
    role_alias: str,
    clients: Clients,
    assume: Assume,
) -> dict[str, str]:
    """Give credentials for a certificate, as AWS IoT's credential provider does.

    Raises AwsError when the alias does not exist, the IoT policies do not allow it, or the role does not
    trust the credential provider.
    """
    try:
        alias = clients.client("iot").describe_role_alias(roleAlias=role_alias)["roleAliasDescription"]
    except ClientError as error:
        raise AwsError("ResourceNotFoundException", f"role alias {role_alias}: {error}", 404) from error
    identity.require("iot:AssumeRoleWithCertificate", identity.arn(f"rolealias/{role_alias}"))
    seconds = int(alias.get("credentialDurationSeconds", 3600))
    credentials = assume(
        alias["roleArn"],
        CREDENTIAL_PROVIDER,
        identity.thing,
        lifetime_seconds=seconds,
        context={"credentials-iot:ThingName": identity.thing, "aws:SourceArn": alias["roleAliasArn"]},
    )
    return {
        "AccessKeyId": credentials.access_key,
        "SecretAccessKey": credentials.secret_key,
        "Token": credentials.session_token,
        "Expiration": (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def allowed(policies: Iterable[Mapping[str, Any]], action: str, resource: str, thing: str) -> bool:
    """Whether IoT policies allow it: an Allow, no Deny. Raises AwsError for a condition it does not know."""
    granted = False
    for policy in policies:
        for statement in _listed(policy.get("Statement")):
            if not _matches(statement, action, resource, thing):
                continue
            if statement.get("Effect") == "Deny":
                return False
            granted = True
    return granted


def _matches(statement: Mapping[str, Any], action: str, resource: str, thing: str) -> bool:
    actions = [str(pattern).lower() for pattern in _listed(statement.get("Action"))]
    if not any(fnmatch.fnmatchcase(action.lower(), pattern) for pattern in actions):
        return False
    resources = [_fill(str(pattern), thing) for pattern in _listed(statement.get("Resource"))]
    return any(fnmatch.fnmatchcase(resource, pattern) for pattern in resources) and _attached(statement)


def _fill(pattern: str, thing: str) -> str:
    for variable in ("${iot:Connection.Thing.ThingName}", "${iot:ClientId}"):
        pattern = pattern.replace(variable, thing)
    return pattern.replace("[", "[[]")


def _attached(statement: Mapping[str, Any]) -> bool:
    """Every device here is attached to its thing; any other condition is not served."""
    for operator, tests in (statement.get("Condition") or {}).items():
        for key, value in tests.items():
            if (operator, key) != ("Bool", "iot:Connection.Thing.IsAttached"):
                raise AwsError(
                    "UnsupportedOperation", f"IoT policy condition {operator} on {key} is not served", 501
                )
            if str(_listed(value)[0]).lower() != "true":
                return False
    return True


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
