from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.codebuild.buildspec import parse
from local.codebuild.phase_error import PhaseError
from local.codebuild.variables import (
    PARAMETER_STORE,
    SECRETS_MANAGER,
    Variable,
    check_exports,
    chosen,
    resolve,
)

BUILDSPEC = parse("""
version: 0.2
env:
  variables: {A: buildspec, B: buildspec, C: buildspec}
  parameter-store: {D: /d}
  exported-variables: [A]
phases: {build: {commands: []}}
""")


class Parameters:
    def get_parameters(self, *, Names: list[str], WithDecryption: bool) -> dict[str, Any]:  # noqa: N803
        if Names == ["/denied"]:
            said = {
                "Code": "AccessDeniedException",
                "Message": "may not ssm:GetParameters",
            }
            raise ClientError({"Error": said}, "GetParameters")
        return {"Parameters": [{"Value": "of " + Names[0]}] if Names != ["/gone"] else []}


class Secrets:
    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []

    def get_secret_value(self, **asked: str) -> dict[str, str]:
        self.asked.append(asked)
        return {"SecretString": '{"user": "me", "port": 5}'}


def test_start_goes_before_project_and_project_before_buildspec() -> None:
    project = [{"name": "B", "value": "project"}, {"name": "C", "value": "project", "type": "PLAINTEXT"}]
    found = chosen([{"name": "C", "value": "start"}], project, BUILDSPEC)
    values = {variable.name: variable.value for variable in found}
    assert values == {"A": "buildspec", "B": "project", "C": "start", "D": "/d"}


def test_value_of_the_start_is_no_secret_where_the_project_had_one() -> None:
    project = [{"name": "A", "value": "/a", "type": "PARAMETER_STORE"}]
    found = chosen([{"name": "A", "value": "plain", "type": "PLAINTEXT"}], project, BUILDSPEC)
    resolved = resolve(found, ssm=Parameters(), secrets=Secrets())
    assert resolved.values["A"] == "plain"
    assert resolved.secret == {"D"}


def test_secret_that_is_exported_is_refused() -> None:
    found = chosen([], [{"name": "A", "value": "/a", "type": "PARAMETER_STORE"}], BUILDSPEC)
    with pytest.raises(PhaseError, match="A holds a secret"):
        check_exports(found, BUILDSPEC)


@pytest.mark.parametrize(
    ("reference", "value", "asked"),
    [
        ("db", '{"user": "me", "port": 5}', {"SecretId": "db"}),
        ("db:user", "me", {"SecretId": "db"}),
        ("db:port", "5", {"SecretId": "db"}),
        ("db:user:AWSPREVIOUS", "me", {"SecretId": "db", "VersionStage": "AWSPREVIOUS"}),
        ("db:user::v1", "me", {"SecretId": "db", "VersionId": "v1"}),
        (
            "arn:aws:secretsmanager:eu-west-1:1:secret:db-x:user",
            "me",
            {"SecretId": "arn:aws:secretsmanager:eu-west-1:1:secret:db-x"},
        ),
    ],
)
def test_reference_to_a_secret(reference: str, value: str, asked: dict[str, str]) -> None:
    secrets = Secrets()
    resolved = resolve([Variable("S", SECRETS_MANAGER, reference)], ssm=Parameters(), secrets=secrets)
    assert resolved.values == {"S": value}
    assert secrets.asked == [asked]


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        (Variable("P", PARAMETER_STORE, "/gone"), "does not exist: /gone"),
        (Variable("P", PARAMETER_STORE, "/denied"), "ssm:GetParameters"),
        (Variable("S", SECRETS_MANAGER, "db:nokey"), "no key 'nokey'"),
    ],
)
def test_value_that_cannot_be_had_fails(variable: Variable, said: str) -> None:
    with pytest.raises(PhaseError, match=said):
        resolve([variable], ssm=Parameters(), secrets=Secrets())
