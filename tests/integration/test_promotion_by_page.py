"""Who approved stands in the record of a release: the person where the page decided, else the principal."""

import json
from typing import Any

import pytest
from faults.promoted import Promotions

from lambdas.labeling.callers import APPROVERS, Caller
from lambdas.labeling.model_packages import ModelPackages
from local.cloud.call import Credentials
from local.cloud.server import LocalCloud

pytestmark = pytest.mark.acceptance

NAME = "by-page"
ADA = Caller("ada", frozenset({APPROVERS}))


class NobodysObjects:
    """S3, of which a decision reads nothing."""


def document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


def as_function(cloud: LocalCloud, role: str) -> Any:
    """A session of a role that may decide, as Lambda gives it to a function."""
    root = cloud.root_session()
    service = {"Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    made = root.client("iam").create_role(RoleName=role, AssumeRolePolicyDocument=document(service))
    allowed = {
        "Action": ["sagemaker:DescribeModelPackage", "sagemaker:UpdateModelPackage"],
        "Resource": f"arn:aws:sagemaker:{cloud.region}:{cloud.account}:model-package/{NAME}-tags/*",
    }
    root.client("iam").put_role_policy(RoleName=role, PolicyName="Decides", PolicyDocument=document(allowed))
    credentials: Credentials = cloud.service_credentials(
        made["Role"]["Arn"], "lambda.amazonaws.com", "the-function"
    )
    return cloud.session(credentials)


@pytest.fixture(scope="module")
def line(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Promotions:
    return Promotions(cloud, tmp_path_factory.mktemp("promotion"), name=NAME)


@pytest.mark.parametrize(
    ("role", "who"),
    [
        (f"{NAME}-labeling-serve-packages", "ada"),
        (f"{NAME}-somebody-else", f":assumed-role/{NAME}-somebody-else/the-function"),
    ],
)
def test_the_record_names_the_person_where_the_page_decided(
    cloud: LocalCloud, line: Promotions, monkeypatch: pytest.MonkeyPatch, role: str, who: str
) -> None:
    sagemaker = as_function(cloud, role).client("sagemaker")
    packages = ModelPackages({"tags": line.group}, line.bucket, sagemaker, NobodysObjects())

    def decided(package: str, _approval: str) -> None:
        packages.decide(package, "approve", "no worse anywhere", ADA)

    monkeypatch.setattr(line, "set_approval", decided)
    package = line.register()
    assert line.promote(package)["status"] == "SUCCEEDED"
    assert line.record(package)["approved_by"].endswith(who)
    assert (line.record(package)["approved_by"] == "ada") == (who == "ada")
    key = f"releases/tags/{package.rsplit('/', 1)[1]}/release.html"
    page = line.deployed.s3.get_object(Bucket=line.bucket, Key=key)["Body"].read().decode()
    assert f"{who}<" in page
