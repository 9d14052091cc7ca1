from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from checks import limits

if TYPE_CHECKING:
    from .conftest import Assembled


def policy(characters: int) -> dict[str, Any]:
    """A policy document of exactly so many characters."""
    document = {"Statement": [{"Action": "s3:GetObject", "Resource": ""}]}
    empty = len('{"Statement":[{"Action":"s3:GetObject","Resource":""}]}')
    document["Statement"][0]["Resource"] = "r" * (characters - empty)
    return document


def attached(kind: str, *sizes: int) -> dict[str, Any]:
    """A role, and a policy of each size that it has."""
    policies = {
        f"Policy{index}": {
            "Type": kind,
            "Properties": {"PolicyDocument": policy(size), "Roles": [{"Ref": "Role"}]},
        }
        for index, size in enumerate(sizes)
    }
    return {"Role": {"Type": "AWS::IAM::Role", "Properties": {}}, **policies}


def test_the_inline_policies_of_a_role_are_measured_together(assembled: Assembled) -> None:
    fits = assembled("", Resources=attached("AWS::IAM::Policy", 5120, 5120))
    assert limits.check(fits) == []
    (found,) = limits.check(assembled("", Resources=attached("AWS::IAM::Policy", 5120, 5121)))
    assert str(found) == (
        "limits: Tools/Stack/Role: all inline policy text has 10241 characters, AWS takes 10240;"
        " configure fewer models or classes, or write shorter names"
    )


def test_what_a_role_has_in_itself_counts_too(assembled: Assembled) -> None:
    resources = attached("AWS::IAM::Policy", 10_000)
    resources["Role"]["Properties"]["Policies"] = [{"PolicyName": "own", "PolicyDocument": policy(300)}]
    (found,) = limits.check(assembled("", Resources=resources))
    assert "10300 characters" in found.wrong


def test_a_policy_of_another_role_does_not_count(assembled: Assembled) -> None:
    resources = attached("AWS::IAM::Policy", 9000)
    other = {"PolicyDocument": policy(9000), "Roles": [{"Ref": "Other"}]}
    resources["Elsewhere"] = {"Type": "AWS::IAM::Policy", "Properties": other}
    assert limits.check(assembled("", Resources=resources)) == []


def test_a_managed_policy_is_measured_alone_and_they_are_counted(assembled: Assembled) -> None:
    assert limits.check(assembled("", Resources=attached("AWS::IAM::ManagedPolicy", *[6144] * 10))) == []
    found = limits.check(assembled("", Resources=attached("AWS::IAM::ManagedPolicy", 6145, *[99] * 10)))
    assert [finding.wrong for finding in found] == [
        "the role has 11 managed policies, AWS takes 10",
        "the managed policy has 6145 characters, AWS takes 6144",
    ]


def test_references_count_as_what_they_become(assembled: Assembled) -> None:
    arn = {"Fn::Join": ["", ["r" * 6100, {"Ref": "AWS::AccountId"}]]}
    document = {"Statement": [{"Action": "s3:GetObject", "Resource": arn}]}
    (found,) = limits.check(assembled("AWS::IAM::ManagedPolicy", {"PolicyDocument": document}))
    assert "has 6167 characters" in found.wrong


@pytest.mark.parametrize(
    ("kind", "properties", "wrong"),
    [
        (
            "AWS::Lambda::Function",
            {"Environment": {"Variables": {"MODELS": "ü" * 2046}}},
            "the environment has 4098 bytes, AWS takes 4096",
        ),
        (
            "AWS::CodeBuild::Project",
            {"Environment": {"EnvironmentVariables": [{"Name": "MODELS", "Value": "m" * 5495}]}},
            "the environment has 5501 characters, AWS takes 5500",
        ),
        (
            "AWS::CodePipeline::Pipeline",
            {"Stages": [{"Actions": [{"Name": "Build", "Configuration": {"Variables": "v" * 1001}}]}]},
            "Variables of the action Build has 1001 characters, AWS takes 1000",
        ),
        (
            "AWS::IAM::Role",
            {"AssumeRolePolicyDocument": policy(2049)},
            "the trust policy has 2049 characters, AWS takes 2048",
        ),
        (
            "AWS::S3::BucketPolicy",
            {"PolicyDocument": policy(20_481)},
            "the bucket's policy has 20481 characters, AWS takes 20480",
        ),
        (
            "AWS::KMS::Key",
            {"KeyPolicy": policy(32_769)},
            "the key's policy has 32769 characters, AWS takes 32768",
        ),
        (
            "AWS::Events::Rule",
            {"EventPattern": {"source": ["s" * 2035]}},
            "the event pattern has 2050 characters, AWS takes 2048",
        ),
    ],
)
def test_what_is_more_than_aws_takes_is_named(
    assembled: Assembled, kind: str, properties: dict[str, Any], wrong: str
) -> None:
    (found,) = limits.check(assembled(kind, properties))
    assert found.wrong == wrong


def test_a_template_has_room_for_so_much(assembled: Assembled) -> None:
    resources = {f"Thing{number}": {"Type": "AWS::SQS::Queue"} for number in range(501)}
    outputs = {f"Out{number}": {"Value": "1"} for number in range(201)}
    found = limits.check(assembled("", Resources=resources, Outputs=outputs))
    assert [finding.wrong for finding in found] == [
        "the template has 501 resources, AWS takes 500",
        "the template has 201 outputs, AWS takes 200",
    ]
    large = {"Thing": {"Type": "AWS::SQS::Queue", "Properties": {"Note": "n" * 1_048_576}}}
    (found,) = limits.check(assembled("", Resources=large))
    assert found.wrong.endswith("bytes, AWS takes 1048576")
