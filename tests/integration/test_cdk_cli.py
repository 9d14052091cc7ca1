"""The CDK's own command line against the local cloud: bootstrap, deploy, change, publish, destroy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.cloud.server import LocalCloud

ENVIRONMENT = "aws://{account}/{region}"
POLICY = "arn:aws:iam::aws:policy/AdministratorAccess"
TRUSTED = "111122223333"
# Apart from what other tests in this process deploy, which goes to a bucket of the default qualifier.
QUALIFIER, TOOLKIT = "trial", "Trial"
APART = {
    "toolkitStackName": TOOLKIT, "context": {"@aws-cdk/core:bootstrapQualifier": QUALIFIER},
}  # fmt: skip
APP = """
import os
import aws_cdk as cdk
from aws_cdk import aws_s3_assets as assets
from aws_cdk import aws_sqs as sqs

app = cdk.App()
stack = cdk.Stack(app, "Small", stack_name="small")
asset = assets.Asset(stack, "Asset", path="content")
queue = sqs.Queue(stack, "Queue", queue_name="small", visibility_timeout=cdk.Duration.seconds({seconds}))
cdk.CfnOutput(stack, "Content", value=asset.s3_object_url)
app.synth()
"""


class Cdk:
    """Runs `cdk` in a folder, as the root of the cloud's account."""

    def __init__(self, cloud: LocalCloud, folder: Path) -> None:
        self.folder = folder
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        path = os.pathsep.join([str(Path(sys.executable).parent), inherited.get("PATH", "")])
        quiet = {"CDK_DISABLE_VERSION_CHECK": "1", "CDK_VALIDATION": "false"}
        self._environment = {**inherited, **quiet, **cloud.environment(cloud.root), "PATH": path}

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run(
            ["cdk", *arguments, "--no-notices", "--no-version-reporting"], cwd=self.folder,
            env=self._environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def cdk(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Cdk:
    """Return a command line for an app in an account that it has bootstrapped."""
    folder = tmp_path_factory.mktemp("app")
    (folder / "content").mkdir()
    (folder / "content" / "file").write_text("kept")
    (folder / "cdk.json").write_text(json.dumps({"app": f"{sys.executable} app.py", **APART}))
    run = Cdk(cloud, folder)
    write_app(cdk_folder=folder, seconds=30)
    run(
        "bootstrap", ENVIRONMENT.format(account=cloud.account, region=cloud.region),
        "--cloudformation-execution-policies", POLICY, "--trust", TRUSTED, "--qualifier", QUALIFIER,
    )  # fmt: skip
    return run


def write_app(cdk_folder: Path, seconds: int) -> None:
    (cdk_folder / "app.py").write_text(APP.format(seconds=seconds))


def client(cloud: LocalCloud, service: str) -> Any:
    return cloud.root_session().client(service)


def test_bootstrap_makes_the_roles_that_trust_whom_they_should(cloud: LocalCloud, cdk: Cdk) -> None:
    iam = client(cloud, "iam")
    where = f"{cloud.account}-{cloud.region}"
    for name in ("deploy", "file-publishing", "lookup"):
        role = iam.get_role(RoleName=f"cdk-{QUALIFIER}-{name}-role-{where}")["Role"]
        trusted = [
            str(principal)
            for statement in role["AssumeRolePolicyDocument"]["Statement"]
            for principal in _listed(statement["Principal"]["AWS"])
        ]
        assert set(trusted) == {cloud.account, TRUSTED}, name
    executing = f"cdk-{QUALIFIER}-cfn-exec-role-{where}"
    attached = iam.list_attached_role_policies(RoleName=executing)["AttachedPolicies"]
    assert [policy["PolicyArn"] for policy in attached] == [POLICY]
    version = client(cloud, "ssm").get_parameter(Name=f"/cdk-bootstrap/{QUALIFIER}/version")["Parameter"]
    assert int(version["Value"]) >= 21


def test_bootstrap_without_trust_names_this_account_alone(cloud: LocalCloud, cdk: Cdk) -> None:
    place = ENVIRONMENT.format(account=cloud.account, region=cloud.region)
    cdk(
        "bootstrap", place, "--qualifier", "alone", "--toolkit-stack-name", "Alone",
        "--cloudformation-execution-policies", POLICY,
    )  # fmt: skip
    name = f"cdk-alone-deploy-role-{cloud.account}-{cloud.region}"
    statements = client(cloud, "iam").get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]["Statement"]
    assert {str(p) for one in statements for p in _listed(one["Principal"]["AWS"])} == {cloud.account}


def test_role_to_deploy_with_is_for_those_who_may_assume_it(cloud: LocalCloud, cdk: Cdk) -> None:
    nobody = cloud.session(cloud.user("passer-by", [])).client("sts")
    role = f"arn:aws:iam::{cloud.account}:role/cdk-{QUALIFIER}-deploy-role-{cloud.account}-{cloud.region}"
    with pytest.raises(ClientError, match="sts:AssumeRole"):
        nobody.assume_role(RoleArn=role, RoleSessionName="passing")


def test_stack_is_deployed_changed_and_destroyed(cloud: LocalCloud, cdk: Cdk) -> None:
    folder = cdk.folder
    said = cdk("deploy", "--require-approval", "never")
    assert "Small" in said
    sqs = client(cloud, "sqs")
    url = sqs.get_queue_url(QueueName="small")["QueueUrl"]
    assert _timeout(sqs, url) == "30"
    outputs = client(cloud, "cloudformation").describe_stacks(StackName="small")["Stacks"][0]["Outputs"]
    bucket, _, key = outputs[0]["OutputValue"].removeprefix("s3://").partition("/")
    stored = client(cloud, "s3").head_object(Bucket=bucket, Key=key)
    assert stored["ServerSideEncryption"] == "aws:kms"
    assert "no changes" in cdk("deploy", "--require-approval", "never")
    write_app(cdk_folder=folder, seconds=40)
    cdk("deploy", "--require-approval", "never")
    assert _timeout(sqs, url) == "40"
    cdk("destroy", "--force")
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.get_queue_url(QueueName="small")
    write_app(cdk_folder=folder, seconds=30)


def test_assets_are_published_without_a_deployment(cloud: LocalCloud, cdk: Cdk) -> None:
    (cdk.folder / "content" / "file").write_text("changed")
    cdk("publish-assets", "--all", "--unstable=publish-assets")
    bucket = f"cdk-{QUALIFIER}-assets-{cloud.account}-{cloud.region}"
    listed = client(cloud, "s3").list_objects_v2(Bucket=bucket)["Contents"]
    assert any(found["Key"].endswith(".zip") for found in listed)
    assert client(cloud, "s3").get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"


def test_template_that_cannot_be_deployed_says_why(cloud: LocalCloud, cdk: Cdk) -> None:
    app = (cdk.folder / "app.py").read_text()
    unknown = 'cdk.CfnResource(stack, "Odd", type="AWS::Panorama::Package")\napp.synth()'
    (cdk.folder / "app.py").write_text(app.replace("app.synth()", unknown))
    with pytest.raises(AssertionError, match="AWS::Panorama::Package"):
        cdk("deploy", "--require-approval", "never")
    (cdk.folder / "app.py").write_text(app)


def _timeout(sqs: Any, url: str) -> str:
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    return str(found["Attributes"]["VisibilityTimeout"])


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
