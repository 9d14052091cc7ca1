"""The page where people label: who gets in, what the API demands, and what the browser is told."""

from typing import Any

import pytest
from cloud_assembly import Template

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
