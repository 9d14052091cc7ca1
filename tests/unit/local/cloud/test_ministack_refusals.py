from typing import Any

import pytest

from local.cloud.ministack_refusals import (
    access_problem,
    client_problem,
    distribution_problem,
    domain_problem,
    pool_problem,
)


def test_what_the_page_uses_is_served() -> None:
    behaviour = {"TargetOriginId": "site", "ViewerProtocolPolicy": "redirect-to-https"}
    none = {"GeoRestriction": {"RestrictionType": "none"}}
    config = {"DefaultCacheBehavior": behaviour, "CacheBehaviors": [behaviour], "Restrictions": none}
    assert distribution_problem({"DistributionConfig": config}) is None
    assert pool_problem({"MfaConfiguration": "OPTIONAL", "EnabledMfas": ["SOFTWARE_TOKEN_MFA"]}) is None
    client = {"AllowedOAuthFlows": ["code"], "SupportedIdentityProviders": ["COGNITO"]}
    assert client_problem(client) is None
    assert domain_problem({"Domain": "line"}) is None


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"DefaultCacheBehavior": {"TrustedKeyGroups": ["k"]}}, "TrustedKeyGroups"),
        ({"CacheBehaviors": [{"LambdaFunctionAssociations": [{}]}]}, "LambdaFunctionAssociations"),
        ({"WebACLId": "arn"}, "WebACLId"),
        ({"Aliases": ["label.example.com"]}, "Aliases"),
        ({"Logging": {"Bucket": "logs"}}, "Logging"),
        ({"Restrictions": {"GeoRestriction": {"RestrictionType": "whitelist"}}}, "GeoRestriction"),
    ],
)
def test_distribution_that_would_do_less_is_refused(config: dict[str, Any], named: str) -> None:
    assert distribution_problem({"DistributionConfig": config}) == named


def test_access_that_would_not_be_signed_is_refused() -> None:
    signed = {"OriginAccessControlOriginType": "s3", "SigningBehavior": "always"}
    assert access_problem({"OriginAccessControlConfig": signed}) is None
    for change in ({"SigningBehavior": "never"}, {"OriginAccessControlOriginType": "lambda"}):
        assert access_problem({"OriginAccessControlConfig": signed | change})


@pytest.mark.parametrize(
    "properties",
    [
        {"MfaConfiguration": "OPTIONAL", "EnabledMfas": ["SMS_MFA"]},
        {"Policies": {"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "WEB_AUTHN"]}}},
    ],
)
def test_pool_that_would_ask_for_more_is_refused(properties: dict[str, Any]) -> None:
    assert pool_problem(properties)


@pytest.mark.parametrize(
    "properties",
    [
        {"SupportedIdentityProviders": ["COGNITO", "Google"]},
        {"AllowedOAuthFlows": ["implicit"]},
        {"ExplicitAuthFlows": ["ALLOW_USER_AUTH"]},
    ],
)
def test_client_that_signs_in_otherwise_is_refused(properties: dict[str, Any]) -> None:
    assert client_problem(properties)
