"""A role that names, by a condition, which roles may assume it: as AWS does, so does the local cloud."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.cloud.call import Credentials
from local.cloud.server import LocalCloud

TARGET = "assumed-roles-target"


def role_arn(cloud: LocalCloud, name: str) -> str:
    return f"arn:aws:iam::{cloud.account}:role/{name}"


def make_role(cloud: LocalCloud, name: str, trust: dict[str, Any], *, allowed: dict[str, Any]) -> None:
    iam = cloud.root_session().client("iam")
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", **trust}
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [statement]}))
    document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **allowed}]})
    iam.put_role_policy(RoleName=name, PolicyName="policy", PolicyDocument=document)


@pytest.fixture(scope="module", autouse=True)
def roles(cloud: LocalCloud) -> None:
    """A target that trusts `friend` and `idler`; `stranger` may ask for it too, `idler` may not."""
    trusted = [role_arn(cloud, f"assumed-roles-{name}") for name in ("friend", "idler")]
    trust = {
        "Principal": {"AWS": f"arn:aws:iam::{cloud.account}:root"},
        "Condition": {"ArnEquals": {"aws:PrincipalArn": trusted}},
    }
    make_role(cloud, TARGET, trust, allowed={"Action": "s3:ListAllMyBuckets", "Resource": "*"})
    ask = {"Action": "sts:AssumeRole", "Resource": role_arn(cloud, TARGET)}
    idle = {"Action": "s3:ListAllMyBuckets", "Resource": "*"}
    for name, allowed in (("friend", ask), ("stranger", ask), ("idler", idle)):
        function = {"Principal": {"Service": "lambda.amazonaws.com"}}
        make_role(cloud, f"assumed-roles-{name}", function, allowed=allowed)


def assume(cloud: LocalCloud, name: str) -> dict[str, Any]:
    """Assume the target in a session of a role, as a function with that role does."""
    credentials = cloud.service_credentials(
        role_arn(cloud, f"assumed-roles-{name}"), "lambda.amazonaws.com", "call"
    )
    sts = cloud.session(credentials).client("sts")
    assumed: dict[str, Any] = sts.assume_role(RoleArn=role_arn(cloud, TARGET), RoleSessionName="release-3")
    return assumed


def test_a_role_that_is_named_becomes_the_role_and_no_more(cloud: LocalCloud) -> None:
    assumed = assume(cloud, "friend")
    assert assumed["AssumedRoleUser"]["Arn"].endswith(f":assumed-role/{TARGET}/release-3")
    keys, arn = assumed["Credentials"], assumed["AssumedRoleUser"]["Arn"]
    became = Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], arn)
    session = cloud.session(became)
    session.client("s3").list_buckets()
    with pytest.raises(ClientError, match=r"AccessDenied.*sagemaker:ListModels"):
        session.client("sagemaker").list_models()


def test_a_role_that_is_not_named_is_denied_though_its_own_policy_allows_it(cloud: LocalCloud) -> None:
    with pytest.raises(ClientError, match=r"AccessDenied.*assumed-roles-stranger.*sts:AssumeRole"):
        assume(cloud, "stranger")
    denials = [(denial.principal, denial.action) for denial in cloud.calls.denials]
    assert ("role/assumed-roles-stranger", "sts:AssumeRole") in denials


def test_a_role_that_is_named_needs_the_grant_too(cloud: LocalCloud) -> None:
    with pytest.raises(ClientError, match=r"AccessDenied.*sts:AssumeRole"):
        assume(cloud, "idler")
