"""Several accounts in one local cloud: each lets another in only where both sides allow it."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.cloud.call import Credentials
from local.cloud.deploy import DeploymentError, deploy
from local.cloud.errors import LocalCloudError
from local.cloud.server import LocalCloud

OWNER, READER, UNKNOWN = "444444444444", "555555555555", "999999999999"
ROLE = "accounts-reader"
ROLE_ARN = f"arn:aws:iam::{READER}:role/{ROLE}"
GROUP = "accounts-models"
Statement = dict[str, Any]


def document(*statements: Statement) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **s} for s in statements]})


def to_the_role(**statement: Any) -> Statement:
    """A statement as the templates write it: it names the account, and its role by a condition."""
    named = {"ArnEquals": {"aws:PrincipalArn": ROLE_ARN}}
    return {"Principal": {"AWS": f"arn:aws:iam::{READER}:root"}, "Condition": named, **statement}


class Shared:
    """A bucket of the owner, encrypted with its key, and a role of the reader."""

    def __init__(self, cloud: LocalCloud, folder: Path) -> None:
        self.cloud = cloud
        owner, reader = cloud.root_session(OWNER), cloud.root_session(READER)
        self.bucket = f"accounts-{uuid.uuid4().hex[:8]}"
        outputs = deploy(write_assembly(folder, OWNER, self._template()), cloud)["shared"]
        self.key = outputs["Key"]
        self.s3, self.kms, self.iam = owner.client("s3"), owner.client("kms"), reader.client("iam")
        self.s3.put_object(Bucket=self.bucket, Key="models/a", Body=b"model")
        self.iam.create_role(
            RoleName=ROLE,
            AssumeRolePolicyDocument=document({
                "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}
            }),
        )  # fmt: skip
        self.read = {
            "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{self.bucket}/*",
            "Condition": {"StringEquals": {"aws:ResourceAccount": OWNER}},
        }  # fmt: skip
        self.decrypt = {
            "Action": "kms:Decrypt", "Resource": f"arn:aws:kms:{cloud.region}:{OWNER}:key/*",
            "Condition": {
                "StringEquals": {"kms:ViaService": f"s3.{cloud.region}.amazonaws.com"},
                "StringLike": {"kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{self.bucket}"},
            },
        }  # fmt: skip
        self.allow(self.read, self.decrypt)
        self.share_bucket(to_the_role(Action="s3:GetObject", Resource=f"arn:aws:s3:::{self.bucket}/models/*"))
        self.share_key(to_the_role(Action="kms:Decrypt", Resource="*"))

    def _template(self) -> dict[str, Any]:
        own = {"Action": "kms:*", "Resource": "*", "Principal": {"AWS": f"arn:aws:iam::{OWNER}:root"}}
        default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": {"Fn::GetAtt": ["Key", "Arn"]}}
        rule = {"BucketKeyEnabled": True, "ServerSideEncryptionByDefault": default}
        bucket = {
            "BucketName": self.bucket,
            "BucketEncryption": {"ServerSideEncryptionConfiguration": [rule]},
        }
        return {
            "Resources": {
                "Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": json.loads(document(own))}},
                "Bucket": {"Type": "AWS::S3::Bucket", "Properties": bucket},
            },
            "Outputs": {"Key": {"Value": {"Fn::GetAtt": ["Key", "Arn"]}}},
        }

    def allow(self, *statements: Statement) -> None:
        self.iam.put_role_policy(RoleName=ROLE, PolicyName="p", PolicyDocument=document(*statements))

    def share_bucket(self, statement: Statement | None) -> None:
        if statement is None:
            self.s3.delete_bucket_policy(Bucket=self.bucket)
        else:
            self.s3.put_bucket_policy(Bucket=self.bucket, Policy=document(statement))

    def share_key(self, statement: Statement | None) -> None:
        own = {"Action": "kms:*", "Resource": "*", "Principal": {"AWS": f"arn:aws:iam::{OWNER}:root"}}
        statements = [own] if statement is None else [own, statement]
        self.kms.put_key_policy(KeyId=self.key, PolicyName="default", Policy=document(*statements))

    def session(self) -> Any:
        credentials = self.cloud.service_credentials(ROLE_ARN, "lambda.amazonaws.com", "call")
        return self.cloud.session(credentials)

    def get(self, key: str = "models/a") -> bytes:
        body: bytes = self.session().client("s3").get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return body


@pytest.fixture(scope="module")
def shared(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Shared:
    return Shared(cloud, tmp_path_factory.mktemp("accounts"))


def write_assembly(folder: Path, account: str, template: dict[str, Any], name: str = "shared") -> Path:
    """An assembly with one stack in an account."""
    properties = {"templateFile": f"{name}.json", "stackName": name}
    environment = f"aws://{account}/eu-west-1"
    stack = {"type": "aws:cloudformation:stack", "environment": environment, "properties": properties}
    (folder / "manifest.json").write_text(json.dumps({"artifacts": {name: stack}}))
    (folder / f"{name}.json").write_text(json.dumps(template))
    (folder / f"{name}.assets.json").write_text(json.dumps({"files": {}}))
    return folder


@contextmanager
def denied(shared: Shared, action: str) -> Iterator[None]:
    shared.cloud.calls.clear()
    with pytest.raises(ClientError, match="AccessDenied"):
        yield
    found = [(denial.principal, denial.action) for denial in shared.cloud.calls.denials]
    assert found == [(f"role/{ROLE}", action)]


def test_a_role_reads_from_a_bucket_of_another_account(shared: Shared) -> None:
    assert shared.get() == b"model"
    with denied(shared, "s3:GetObject"):
        shared.get("elsewhere")


def test_the_bucket_has_to_let_the_role_in(shared: Shared) -> None:
    shared.share_bucket(None)
    with denied(shared, "s3:GetObject"):
        shared.get()
    other = {"ArnEquals": {"aws:PrincipalArn": ROLE_ARN + "-2"}}
    everything = f"arn:aws:s3:::{shared.bucket}/*"
    shared.share_bucket({**to_the_role(Action="s3:GetObject", Resource=everything), "Condition": other})
    with denied(shared, "s3:GetObject"):
        shared.get()
    shared.share_bucket(to_the_role(Action="s3:GetObject", Resource=f"arn:aws:s3:::{shared.bucket}/models/*"))
    assert shared.get() == b"model"


def test_the_key_has_to_let_the_role_in(shared: Shared) -> None:
    shared.share_key(None)
    with denied(shared, "kms:Decrypt"):
        shared.get()
    shared.share_key(to_the_role(Action="kms:Decrypt", Resource="*"))
    assert shared.get() == b"model"


@pytest.mark.parametrize("action", ["s3:GetObject", "kms:Decrypt"])
def test_the_roles_own_account_has_to_allow_it_too(shared: Shared, action: str) -> None:
    shared.allow(*(s for s in (shared.read, shared.decrypt) if s["Action"] != action))
    with denied(shared, action):
        shared.get()
    shared.allow(shared.read, shared.decrypt)
    assert shared.get() == b"model"


def test_a_buckets_account_is_its_owners(shared: Shared) -> None:
    readers = {"StringEquals": {"aws:ResourceAccount": READER}}
    shared.allow({**shared.read, "Condition": readers}, shared.decrypt)
    with denied(shared, "s3:GetObject"):
        shared.get()
    shared.allow(shared.read, shared.decrypt)


def test_the_root_of_an_account_is_nobody_in_another(shared: Shared) -> None:
    for number in (READER, shared.cloud.account):
        s3 = shared.cloud.root_session(number).client("s3")
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.get_object(Bucket=shared.bucket, Key="models/a")
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.put_object(Bucket=shared.bucket, Key="models/a", Body=b"other")
        assert shared.bucket not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}


def test_an_account_that_the_cloud_does_not_have_is_refused_by_name(shared: Shared) -> None:
    root = Credentials(UNKNOWN, "local", "", f"arn:aws:iam::{UNKNOWN}:root")
    for service, call in (("s3", "list_buckets"), ("sagemaker", "list_endpoints")):
        with pytest.raises(ClientError, match=f"{UNKNOWN} is no account of this local cloud"):
            getattr(shared.cloud.session(root).client(service), call)()
    with pytest.raises(LocalCloudError, match=f"has the accounts .*: start it with {UNKNOWN} too"):
        shared.cloud.root_session(UNKNOWN)


def test_a_stack_for_an_account_that_the_cloud_does_not_have_is_refused(
    shared: Shared, tmp_path: Path
) -> None:
    assembly = write_assembly(tmp_path, UNKNOWN, {"Resources": {}}, "nowhere")
    with pytest.raises(DeploymentError, match=f"for account {UNKNOWN}.*start it with that one too"):
        deploy(assembly, shared.cloud)


def test_a_role_of_another_account_is_assumed_where_both_sides_allow_it(shared: Shared) -> None:
    iam = shared.cloud.root_session(OWNER).client("iam")
    target = f"arn:aws:iam::{OWNER}:role/accounts-target"
    trust = document({**to_the_role(), "Action": "sts:AssumeRole"})
    iam.create_role(RoleName="accounts-target", AssumeRolePolicyDocument=trust)

    def become() -> str:
        assumed = shared.session().client("sts").assume_role(RoleArn=target, RoleSessionName="call")
        keys = assumed["Credentials"]
        became = Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], target)
        return str(shared.cloud.session(became).client("sts").get_caller_identity()["Account"])

    with denied(shared, "sts:AssumeRole"):
        become()
    shared.allow(shared.read, shared.decrypt, {"Action": "sts:AssumeRole", "Resource": target})
    assert become() == OWNER
    nobody = document({"Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{OWNER}:root"}})
    iam.update_assume_role_policy(RoleName="accounts-target", PolicyDocument=nobody)
    with denied(shared, "sts:AssumeRole"):
        become()
    shared.allow(shared.read, shared.decrypt)


def test_events_stay_on_the_bus_of_their_account(shared: Shared) -> None:
    received = {}
    for number in (OWNER, READER):
        session = shared.cloud.root_session(number)
        queue = session.client("sqs").create_queue(QueueName="accounts-events")["QueueUrl"]
        session.client("events").put_rule(Name="accounts", EventPattern='{"source": ["aws.sagemaker"]}')
        arn = f"arn:aws:sqs:{shared.cloud.region}:{number}:accounts-events"
        session.client("events").put_targets(Rule="accounts", Targets=[{"Id": "q", "Arn": arn}])
        received[number] = (session.client("sqs"), queue)
    shared.cloud.accounts[READER].emit("aws.sagemaker", "Test", {"a": 1}, [])
    found = {
        number: [
            json.loads(message["Body"])["account"]
            for message in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages", ())
        ]
        for number, (sqs, queue) in received.items()
    }
    assert found == {OWNER: [], READER: [READER]}


class Packages:
    """A model package of the owner, and what the reader's role may do with it."""

    def __init__(self, shared: Shared) -> None:
        self.owner = shared.cloud.root_session(OWNER).client("sagemaker")
        self.owner.create_model_package_group(ModelPackageGroupName=GROUP)
        container = {"Image": "pytorch-inference:cpu", "ModelDataUrl": f"s3://{shared.bucket}/models/a"}
        self.package = self.owner.create_model_package(
            ModelPackageGroupName=GROUP,
            InferenceSpecification={
                "Containers": [container],
                "SupportedContentTypes": ["image/jpeg"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
        )["ModelPackageArn"]
        self.shared = shared

    def share(self, *actions: str) -> None:
        policy = document(to_the_role(Action=list(actions), Resource=self.package))
        self.owner.put_model_package_group_policy(ModelPackageGroupName=GROUP, ResourcePolicy=policy)

    def allow(self, *actions: str) -> None:
        mine = f"arn:aws:sagemaker:{self.shared.cloud.region}:{READER}:model/*"
        passing = {"Action": "iam:PassRole", "Resource": "*"}
        own = {"Action": ["sagemaker:CreateModel", "sagemaker:DescribeModel"], "Resource": mine}
        self.shared.allow(own, passing, {"Action": list(actions), "Resource": self.package})

    @property
    def reader(self) -> Any:
        return self.shared.session().client("sagemaker")

    def create_model(self, role: str = ROLE_ARN) -> str:
        name = f"accounts-{uuid.uuid4().hex[:8]}"
        container = {"ModelPackageName": self.package}
        self.reader.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer=container)
        return name


@pytest.fixture(scope="module")
def packages(shared: Shared) -> Packages:
    return Packages(shared)


def test_a_package_is_read_where_its_group_and_the_readers_policy_allow_it(packages: Packages) -> None:
    packages.allow("sagemaker:DescribeModelPackage")
    with denied(packages.shared, "sagemaker:DescribeModelPackage"):
        packages.reader.describe_model_package(ModelPackageName=packages.package)
    packages.share("sagemaker:DescribeModelPackage")
    described = packages.reader.describe_model_package(ModelPackageName=packages.package)
    assert described["ModelPackageArn"] == packages.package
    packages.allow("sagemaker:CreateModel")
    with denied(packages.shared, "sagemaker:DescribeModelPackage"):
        packages.reader.describe_model_package(ModelPackageName=packages.package)
    assert json.loads(
        packages.owner.get_model_package_group_policy(ModelPackageGroupName=GROUP)["ResourcePolicy"]
    )
    packages.owner.delete_model_package_group_policy(ModelPackageGroupName=GROUP)


def test_a_model_is_made_of_a_package_where_both_sides_allow_it(packages: Packages) -> None:
    both = ("sagemaker:CreateModel", "sagemaker:DescribeModelPackage")
    packages.allow(*both)
    for lacking, shared in (both, both[::-1]):
        packages.share(shared)
        with denied(packages.shared, lacking):
            packages.create_model()
    packages.share(*both)
    name = packages.create_model()
    assert name in str(packages.reader.describe_model(ModelName=name)["ModelArn"])
    assert packages.owner.list_models(NameContains=name)["Models"] == []
    for lacking, allowed in (both, both[::-1]):
        packages.allow(allowed)
        with denied(packages.shared, lacking):
            packages.create_model()


def test_a_role_of_another_account_is_not_passed_on(packages: Packages) -> None:
    both = ("sagemaker:CreateModel", "sagemaker:DescribeModelPackage")
    packages.allow(*both)
    packages.share(*both)
    with denied(packages.shared, "iam:PassRole"):
        packages.create_model(f"arn:aws:iam::{OWNER}:role/accounts-target")


def test_a_group_of_another_account_is_not_mistaken_for_an_own_one(packages: Packages) -> None:
    packages.allow("sagemaker:CreateModelPackage")
    group = f"arn:aws:sagemaker:{packages.shared.cloud.region}:{OWNER}:model-package-group/{GROUP}"
    with denied(packages.shared, "sagemaker:CreateModelPackage"):
        packages.reader.create_model_package(ModelPackageGroupName=group)
