"""Evidence on S3 that nobody can change: a person who may do everything else with the bucket is denied."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from botocore.exceptions import ClientError

from config import Edgeline
from lambdas.common.objects import keep_record, read_json
from local.cloud.deploy import deploy
from local.cloud.server import LocalCloud
from stacks.data_stack import DataStack

ROOT = Path(__file__).parents[2]
NAME = "evidence"
KEY = "releases/tags/3/release.json"
BODY = b'{"outcome": "promoted"}'


def deployed(cloud: LocalCloud, assembly: Path, name: str, *, keep: bool) -> str:
    """Deploy a Data stack and return its artifacts bucket."""
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(outdir=str(assembly), context=context)
    models = {"tags": {"task": "detection", "classes": ["scratch"]}}
    values = {"name": name, "models": models, "data": {"keep": keep}}
    DataStack(app, "Data", config=Edgeline.from_values(values))
    app.synth()
    return deploy(assembly, cloud)[f"{name}-data"]["ArtifactsBucket"]


@pytest.fixture(scope="module")
def bucket(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> str:
    return deployed(cloud, tmp_path_factory.mktemp(NAME), NAME, keep=True)


@pytest.fixture(scope="module")
def s3(cloud: LocalCloud, bucket: str) -> Any:
    """S3 as somebody who may do anything with any object, and with every key."""
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["s3:*", "kms:*"], "Resource": "*"}],
    }
    made = (
        cloud.root_session()
        .client("iam")
        .create_policy(PolicyName="everything-on-s3", PolicyDocument=json.dumps(document))
    )
    client = cloud.session(cloud.user("mighty", [made["Policy"]["Arn"]])).client("s3")
    client.put_object(Bucket=bucket, Key=KEY, Body=BODY, IfNoneMatch="*")
    client.put_object(Bucket=bucket, Key="releases/tags/3/other.json", Body=b"other")
    return client


def in_parts(s3: Any, bucket: str) -> None:
    s3.create_multipart_upload(Bucket=bucket, Key=KEY)


CHANGES: dict[str, Callable[[Any, str], Any]] = {
    "put": lambda s3, bucket: s3.put_object(Bucket=bucket, Key=KEY, Body=b"forged"),
    "a new one without the condition": lambda s3, bucket: s3.put_object(
        Bucket=bucket, Key="releases/tags/4/release-other.json", Body=b"forged"
    ),
    "if it is what I know": lambda s3, bucket: s3.put_object(
        Bucket=bucket, Key=KEY, Body=b"forged", IfMatch=s3.head_object(Bucket=bucket, Key=KEY)["ETag"]
    ),
    "copied over": lambda s3, bucket: s3.copy_object(
        Bucket=bucket, Key=KEY, CopySource={"Bucket": bucket, "Key": "releases/tags/3/other.json"}
    ),
    "in parts": in_parts,
    "deleted": lambda s3, bucket: s3.delete_object(Bucket=bucket, Key=KEY),
    "its version deleted": lambda s3, bucket: s3.delete_object(
        Bucket=bucket, Key=KEY, VersionId=s3.head_object(Bucket=bucket, Key=KEY)["VersionId"]
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_record_is_neither_replaced_nor_deleted(s3: Any, bucket: str, change: str) -> None:
    with pytest.raises(ClientError) as refused:
        CHANGES[change](s3, bucket)
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    assert s3.get_object(Bucket=bucket, Key=KEY)["Body"].read() == BODY
    versions = s3.list_object_versions(Bucket=bucket, Prefix=KEY)
    assert len(versions["Versions"]) == 1
    assert "DeleteMarkers" not in versions


def test_deleting_many_spares_the_record(s3: Any, bucket: str) -> None:
    with pytest.raises(ClientError, match="explicit deny"):  # S3 itself would answer for each object
        s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": KEY}]})
    assert s3.get_object(Bucket=bucket, Key=KEY)["Body"].read() == BODY


def test_a_write_that_says_the_condition_finds_what_is_there(s3: Any, bucket: str) -> None:
    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket=bucket, Key=KEY, Body=b"forged", IfNoneMatch="*")
    assert refused.value.response["Error"]["Code"] == "PreconditionFailed"


def test_records_are_kept_as_before(s3: Any, bucket: str) -> None:
    where = {"bucket": bucket, "folder": "releases/tags/5", "name": "release"}
    first = keep_record(s3, **where, record={"execution": "a"})
    second = keep_record(s3, **where, record={"execution": "b"})
    assert [read_json(s3, uri)["execution"] for uri in (first, second)] == ["a", "b"]


def test_what_is_beside_a_record_is_written_and_deleted_as_ever(s3: Any, bucket: str) -> None:
    for _ in range(2):
        s3.put_object(Bucket=bucket, Key="releases/tags/3/staging/evaluation.json", Body=b"{}")
    s3.delete_object(Bucket=bucket, Key="releases/tags/3/staging/evaluation.json")


def test_only_who_empties_the_bucket_with_its_stack_deletes_records(
    cloud: LocalCloud, s3: Any, tmp_path: Path
) -> None:
    name = f"{NAME}-unkept"
    bucket = deployed(cloud, tmp_path, name, keep=False)
    version = s3.put_object(Bucket=bucket, Key=KEY, Body=BODY, IfNoneMatch="*")["VersionId"]
    with pytest.raises(ClientError, match="explicit deny"):
        s3.delete_object(Bucket=bucket, Key=KEY, VersionId=version)
    root = cloud.root_session()
    found = root.client("cloudformation").list_stack_resources(StackName=f"{name}-data")
    (function,) = [
        resource["PhysicalResourceId"]
        for resource in found["StackResourceSummaries"]
        if resource["ResourceType"] == "AWS::Lambda::Function"
    ]
    role = root.client("lambda").get_function_configuration(FunctionName=function)["Role"]
    remover = cloud.session(cloud.service_credentials(role, "lambda.amazonaws.com", "teardown"))
    remover.client("s3").delete_object(Bucket=bucket, Key=KEY, VersionId=version)
    assert "Versions" not in s3.list_object_versions(Bucket=bucket, Prefix=KEY)
