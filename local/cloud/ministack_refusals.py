"""What of a page's resources would be pretended, refused when a template is deployed; what is protected."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from local.cloud.errors import AwsError
from local.cloud.touchpoints import Touchpoint, module

TOUCHPOINTS = (Touchpoint("ministack.services.cloudformation.provisioners", "_RESOURCE_HANDLERS"),)

Problem = Callable[[Mapping[str, Any]], str | None]

_UNSERVED_BEHAVIOUR = (
    "TrustedKeyGroups", "TrustedSigners", "LambdaFunctionAssociations", "FieldLevelEncryptionId",
)  # fmt: skip


def mend() -> None:
    """Refuse by name what would be deployed and then not done."""
    for name, find in (
        ("AWS::CloudFront::Distribution", distribution_problem),
        ("AWS::CloudFront::OriginAccessControl", access_problem),
        ("AWS::Cognito::UserPool", pool_problem),
        ("AWS::Cognito::UserPoolClient", client_problem),
        ("AWS::Cognito::UserPoolDomain", domain_problem),
    ):
        _check(name, find)
    _protect_pools()


def _protect_pools() -> None:
    """Delete no user pool that is protected against it."""
    handler = module("services.cloudformation.provisioners")._RESOURCE_HANDLERS["AWS::Cognito::UserPool"]
    delete = handler["delete"]

    def deleted(physical_id: str, properties: Mapping[str, Any]) -> Any:
        if properties.get("DeletionProtection") == "ACTIVE":
            raise ValueError(f"the user pool {physical_id} is protected against deletion")
        return delete(physical_id, properties)

    handler["delete"] = deleted


def _check(name: str, find: Problem) -> None:
    handler = module("services.cloudformation.provisioners")._RESOURCE_HANDLERS[name]
    create, update = handler["create"], handler["update"]

    def check(properties: Mapping[str, Any]) -> None:
        if problem := find(properties):
            message = f"{name}: {problem}: not served by the local cloud"
            raise AwsError("UnsupportedOperation", message, 501)

    def created(logical_id: str, properties: Mapping[str, Any], *rest: Any) -> Any:
        check(properties)
        return create(logical_id, properties, *rest)

    def updated(physical_id: str, old: Any, new: Mapping[str, Any], *rest: Any) -> Any:
        check(new)
        return update(physical_id, old, new, *rest)

    handler["create"], handler["update"] = created, updated


def distribution_problem(properties: Mapping[str, Any]) -> str | None:
    """Return what of a distribution would not be done, None where nothing."""
    config = properties.get("DistributionConfig", {})
    behaviours = [config.get("DefaultCacheBehavior", {}), *config.get("CacheBehaviors", ())]
    for name in _UNSERVED_BEHAVIOUR:
        if any(behaviour.get(name) for behaviour in behaviours):
            return name
    for name in ("WebACLId", "Aliases", "Logging", "OriginGroups"):
        if config.get(name):
            return name
    restriction = config.get("Restrictions", {}).get("GeoRestriction", {}).get("RestrictionType", "none")
    return "GeoRestriction" if restriction != "none" else None


def access_problem(properties: Mapping[str, Any]) -> str | None:
    """Return what of an origin access control would not be done, None where nothing."""
    config = properties.get("OriginAccessControlConfig", {})
    if config.get("OriginAccessControlOriginType") != "s3":
        return "OriginAccessControlOriginType: only s3"
    return None if config.get("SigningBehavior") == "always" else "SigningBehavior: only always"


def pool_problem(properties: Mapping[str, Any]) -> str | None:
    """Return what of a user pool would not be done, None where nothing."""
    if set(properties.get("EnabledMfas", ())) - {"SOFTWARE_TOKEN_MFA"}:
        return "EnabledMfas: only SOFTWARE_TOKEN_MFA needs no message to be sent"
    factors = properties.get("Policies", {}).get("SignInPolicy", {}).get("AllowedFirstAuthFactors", ())
    return "SignInPolicy: only PASSWORD is asked" if set(factors) - {"PASSWORD"} else None


def client_problem(properties: Mapping[str, Any]) -> str | None:
    """Return what of an app client would not be done, None where nothing."""
    if set(properties.get("SupportedIdentityProviders", ())) - {"COGNITO"}:
        return "SupportedIdentityProviders: only COGNITO"
    if set(properties.get("AllowedOAuthFlows", ())) - {"code", "client_credentials"}:
        return "AllowedOAuthFlows: only code and client_credentials"
    return "ALLOW_USER_AUTH" if "ALLOW_USER_AUTH" in properties.get("ExplicitAuthFlows", ()) else None


def domain_problem(properties: Mapping[str, Any]) -> str | None:
    """Return what of a sign-in domain would not be done, None where nothing."""
    return "CustomDomainConfig" if properties.get("CustomDomainConfig") else None
