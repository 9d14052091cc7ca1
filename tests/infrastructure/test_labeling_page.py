"""The page where people label: who gets in, what the API demands, and what the browser is told."""

import json
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from cloud_assembly import Assembly, Template

from lambdas.labeling.publish_page import content_type
from stacks.constructs.people import People

_ROUTES = {
    ("GET", "/me"),
    ("GET", "/rounds"),
    ("POST", "/tasks/claim"),
    ("PUT", "/tasks/{task_id}/draft"),
    ("POST", "/tasks/{task_id}/answer"),
    ("POST", "/tasks/{task_id}/skip"),
    ("POST", "/tasks/{task_id}/release"),
}


@pytest.fixture(scope="module", name="labeling")
def the_labeling_template(templates: dict[str, Template]) -> Template:
    return templates["Labeling"]


def properties(template: Template, kind: str) -> dict[str, dict[str, Any]]:
    resources = template["Resources"].items()
    return {name: resource["Properties"] for name, resource in resources if resource["Type"] == kind}


def path_of(template: Template, method: dict[str, Any]) -> str:
    path, resource = "", method["ResourceId"].get("Ref")
    while resource is not None:
        described = template["Resources"][resource]["Properties"]
        path, resource = f"/{described['PathPart']}{path}", described["ParentId"].get("Ref")
    return path


def test_every_method_demands_who_is_signed_in(labeling: Template) -> None:
    methods = list(properties(labeling, "AWS::ApiGateway::Method").values())
    assert {(method["HttpMethod"], path_of(labeling, method)) for method in methods} >= _ROUTES
    [(authorizer, described)] = properties(labeling, "AWS::ApiGateway::Authorizer").items()
    assert described["Type"] == "COGNITO_USER_POOLS"
    assert described["IdentitySource"] == "method.request.header.Authorization"
    [client] = properties(labeling, "AWS::Cognito::UserPoolClient")
    assert described["IdentityValidationExpression"] == {"Ref": client}
    for method in methods:
        assert method["AuthorizationType"] == "COGNITO_USER_POOLS"
        assert method["AuthorizerId"] == {"Ref": authorizer}
        # With scopes, API Gateway would want the access token, which names no groups' person.
        assert "AuthorizationScopes" not in method


def test_a_body_is_checked_to_be_an_object_before_a_function_sees_it(labeling: Template) -> None:
    models = properties(labeling, "AWS::ApiGateway::Model")
    for method in properties(labeling, "AWS::ApiGateway::Method").values():
        assert "RequestValidatorId" in method
        if method["HttpMethod"] != "GET":
            model = models[method["RequestModels"]["application/json"]["Ref"]]
            assert model["Schema"]["type"] == "object"
    [validator] = properties(labeling, "AWS::ApiGateway::RequestValidator").values()
    assert validator["ValidateRequestBody"] is True


def test_the_stage_is_called_as_the_page_calls_it_and_limits_its_rate(labeling: Template) -> None:
    [stage] = properties(labeling, "AWS::ApiGateway::Stage").values()
    assert stage["StageName"] == "api"
    [settings] = stage["MethodSettings"]
    assert (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]) == (100, 200)
    # A token, or a picture's signed address, in a log would be one that others can use.
    assert not settings["DataTraceEnabled"]
    assert "authorizer.claims.sub" in stage["AccessLogSetting"]["Format"]


def test_nobody_gets_into_the_pool_who_is_not_invited(labeling: Template) -> None:
    [pool] = properties(labeling, "AWS::Cognito::UserPool").values()
    assert pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is True
    policy = pool["Policies"]["PasswordPolicy"]
    assert policy["MinimumLength"] == 12
    assert all(policy[f"Require{kind}"] for kind in ("Lowercase", "Uppercase", "Numbers", "Symbols"))
    assert (pool["MfaConfiguration"], pool["EnabledMfas"]) == ("OPTIONAL", ["SOFTWARE_TOKEN_MFA"])
    assert pool["UserPoolTier"] == "ESSENTIALS"
    assert pool["DeletionProtection"] == "ACTIVE"
    groups = properties(labeling, "AWS::Cognito::UserPoolGroup").values()
    assert {group["GroupName"] for group in groups} == {"annotators", "supervisors", "approvers"}
    assert not any("RoleArn" in group for group in groups)


def test_who_signs_in_comes_back_to_the_page_with_a_code_and_no_secret(labeling: Template) -> None:
    [client] = properties(labeling, "AWS::Cognito::UserPoolClient").values()
    [distribution] = properties(labeling, "AWS::CloudFront::Distribution")
    page = {"Fn::Join": ["", ["https://", {"Fn::GetAtt": [distribution, "DomainName"]}, "/"]]}
    assert client["CallbackURLs"] == client["LogoutURLs"] == [page]
    assert client["GenerateSecret"] is False
    assert (client["AllowedOAuthFlows"], client["AllowedOAuthScopes"]) == (["code"], ["openid"])
    # Neither by a password that is sent as it is, nor by an administrator's word.
    assert set(client["ExplicitAuthFlows"]) == {"ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"}
    assert (client["IdTokenValidity"], client["TokenValidityUnits"]["IdToken"]) == (30, "minutes")
    assert client["EnableTokenRevocation"] is True
    assert client["PreventUserExistenceErrors"] == "ENABLED"
    [pool] = properties(labeling, "AWS::Cognito::UserPool").values()
    invitation = pool["AdminCreateUserConfig"]["InviteMessageTemplate"]["EmailMessage"]
    assert {"Fn::GetAtt": [distribution, "DomainName"]} in invitation["Fn::Join"][1]
    assert "{username}" in str(invitation)
    assert "{####}" in str(invitation)


@pytest.mark.parametrize(
    ("name", "prefix"), [("line", "line"), ("laws", "line-8954b4ce"), ("my-amazon", "line-84cdd5fd")]
)
def test_the_sign_in_page_has_a_host_of_its_own_that_cognito_takes(name: str, prefix: str) -> None:
    stack = cdk.Stack(cdk.App(), "S")
    people = People(stack, "People", name=name, keep=False, require_mfa=True)
    template = assertions.Template.from_stack(stack)
    template.has_resource_properties("AWS::Cognito::UserPool", {"MfaConfiguration": "ON"})
    host = {"Fn::Join": ["", [f"{prefix}-", {"Ref": "AWS::AccountId"}]]}
    template.has_resource_properties(
        "AWS::Cognito::UserPoolDomain", {"Domain": host, "ManagedLoginVersion": 2}
    )
    start, *_, end = stack.resolve(people.sign_in_url)["Fn::Join"][1]
    assert (start, end) == (f"https://{prefix}-", ".amazoncognito.com")


def test_the_page_and_its_api_are_one_origin(labeling: Template) -> None:
    [distribution] = properties(labeling, "AWS::CloudFront::Distribution").values()
    config = distribution["DistributionConfig"]
    files, api = config["Origins"]
    page, (calls,) = config["DefaultCacheBehavior"], config["CacheBehaviors"]
    assert (page["TargetOriginId"], calls["TargetOriginId"]) == (files["Id"], api["Id"])
    assert page["ViewerProtocolPolicy"] == "redirect-to-https"
    assert (calls["PathPattern"], calls["ViewerProtocolPolicy"]) == ("/api/*", "https-only")
    # CachingDisabled, AllViewerExceptHostHeader: AWS's names for them.
    assert calls["CachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
    assert calls["OriginRequestPolicyId"] == "b689b0a8-53d0-40ab-baf2-68738e2966ac"
    assert {"PUT", "POST"} <= set(calls["AllowedMethods"])
    assert "OriginPath" not in api
    assert api["CustomOriginConfig"]["OriginSSLProtocols"] == ["TLSv1.2"]
    assert api["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only"


def test_no_refusal_is_kept_for_the_next_who_asks(labeling: Template) -> None:
    [distribution] = properties(labeling, "AWS::CloudFront::Distribution").values()
    errors = distribution["DistributionConfig"]["CustomErrorResponses"]
    # What CloudFront keeps for ten seconds by itself, whatever the origin says of it.
    assert {404, 414, 500, 501, 502, 503, 504} <= {error["ErrorCode"] for error in errors}
    # No page: it would take the place of the API's own refusals too.
    assert all(set(error) == {"ErrorCode", "ErrorCachingMinTTL"} for error in errors)
    assert {error["ErrorCachingMinTTL"] for error in errors} == {0}


def test_only_the_distribution_reads_the_pages_bucket(labeling: Template) -> None:
    [distribution] = properties(labeling, "AWS::CloudFront::Distribution")
    [(bucket, described)] = properties(labeling, "AWS::S3::Bucket").items()
    assert all(described["PublicAccessBlockConfiguration"].values())
    [policy] = properties(labeling, "AWS::S3::BucketPolicy").values()
    allowed = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]
    readers = [s for s in allowed if s["Principal"] == {"Service": "cloudfront.amazonaws.com"}]
    assert [reader["Action"] for reader in readers] == ["s3:GetObject"]
    source = readers[0]["Condition"]["StringEquals"]["AWS:SourceArn"]
    assert {"Ref": distribution} in source["Fn::Join"][1]
    others = [s["Principal"]["AWS"]["Fn::GetAtt"][0] for s in allowed if s not in readers]
    assert all("Teardown" in other or "RemoveLeftovers" in other for other in others), bucket


def test_the_browser_runs_the_pages_own_scripts_and_nothing_else(labeling: Template) -> None:
    [policy] = properties(labeling, "AWS::CloudFront::ResponseHeadersPolicy").values()
    headers = policy["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    parts = headers["ContentSecurityPolicy"]["ContentSecurityPolicy"]["Fn::Join"][1]
    text = "".join(part if isinstance(part, str) else "HOST" for part in parts)
    directives = dict(directive.split(" ", 1) for directive in text.split("; "))
    assert directives["default-src"] == directives["base-uri"] == directives["form-action"] == "'none'"
    assert directives["script-src"] == directives["style-src"] == "'self'"
    assert directives["frame-ancestors"] == "'none'"
    assert directives["img-src"].startswith("'self' blob: data: https://")
    assert directives["connect-src"].startswith("'self' https://edgeline-HOST.auth.HOST.")
    assert "unsafe" not in text
    assert "*" not in text
    assert headers["StrictTransportSecurity"]["AccessControlMaxAgeSec"] >= 365 * 24 * 3600
    assert headers["ContentTypeOptions"] == {"Override": True}
    assert headers["ReferrerPolicy"]["ReferrerPolicy"] == "same-origin"


def test_what_is_published_are_the_pages_files_and_its_settings(
    assembly: Assembly, labeling: Template
) -> None:
    folders = properties(labeling, "Custom::PublishedFolder").values()
    page, guide = sorted(folders, key=lambda folder: str(folder["Prefix"]))
    settings = page["Documents"]["settings.json"]
    assert settings.keys() == {"name", "region", "sign_in", "client_id"}
    [client] = properties(labeling, "AWS::Cognito::UserPoolClient")
    assert settings["client_id"] == {"Ref": client}
    asset = assembly.directory / f"asset.{page['Asset']['Key'].removesuffix('.zip')}"
    files = {path.relative_to(asset).as_posix() for path in asset.rglob("*") if path.is_file()}
    assert {"index.html", "main.js", "session.js", "style.css"} <= files
    inside = {name for name in files if name.startswith("node_modules/")}
    assert inside == {"node_modules/openseadragon/build/openseadragon/openseadragon.min.js"}
    # What the function does not know how to serve would fail the deployment.
    assert all(content_type(name) for name in files)
    assert guide["Prefix"] == "examples/"
    assert guide["Documents"]["guide.json"] == {
        "tags": [{"name": "scratch", "instructions": "", "good": [], "bad": []}]
    }
    assert "Asset" not in guide


def test_the_publisher_writes_what_it_publishes_and_nothing_else(labeling: Template) -> None:
    [policy] = [
        described["PolicyDocument"]["Statement"]
        for name, described in properties(labeling, "AWS::IAM::Policy").items()
        if name.startswith("PublisherPublishPageRole")
    ]
    [writing] = [s for s in policy if "s3:PutObject" in s["Action"]]
    [bucket] = properties(labeling, "AWS::S3::Bucket")
    assert writing["Action"] == ["s3:DeleteObject", "s3:PutObject"]
    resources = [json.dumps(arn) for arn in writing["Resource"]]
    assert [bucket in arn for arn in resources].count(True) == 1
    assert ["/examples/*" in arn for arn in resources].count(True) == 1
    assert len(resources) == 2


def test_the_outputs_say_where_people_go(labeling: Template) -> None:
    assert {"PageUrl", "SignInUrl", "UserPoolId", "UserPoolClientId"} <= labeling["Outputs"].keys()
