from __future__ import annotations

from typing import Any

import pytest

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.cloud.plugin import ResourceContext
from local.codebuild.projects import Projects, ProjectType

CALL = Call("1", "eu-west-1", "arn:aws:iam::1:root", "key")
CONTEXT = ResourceContext(CALL, "stack", "Build")
PROPERTIES: dict[str, Any] = {
    "Source": {"Type": "CODEPIPELINE", "BuildSpec": "buildspec.yaml"},
    "Artifacts": {"Type": "CODEPIPELINE"},
    "Environment": {
        "Type": "LINUX_CONTAINER", "Image": "aws/codebuild/standard:7.0", "PrivilegedMode": "false",
        "ComputeType": "BUILD_GENERAL1_SMALL",
        "EnvironmentVariables": [{"Name": "A", "Type": "PARAMETER_STORE", "Value": "/a"}],
    },
    "ServiceRole": "arn:aws:iam::1:role/build",
    "EncryptionKey": "arn:aws:kms:eu-west-1:1:key/k",
    "TimeoutInMinutes": "45",
    "QueuedTimeoutInMinutes": 60,
    "LogsConfig": {"CloudWatchLogs": {"Status": "ENABLED", "GroupName": "group"}},
    "SecondarySources": [{"Type": "S3", "Location": "b/k", "SourceIdentifier": "other"}],
    "SecondaryArtifacts": [{"Type": "S3", "Location": "b", "Name": "n", "ArtifactIdentifier": "one"}],
    "SourceVersion": "v1",
    "ConcurrentBuildLimit": 1,
    "Tags": [{"Key": "k", "Value": "v"}],
}  # fmt: skip


def changed(**more: Any) -> dict[str, Any]:
    return {key: value for key, value in {**PROPERTIES, **more}.items() if value is not None}


def test_project_of_a_template_is_what_the_api_tells() -> None:
    projects = Projects()
    name, attributes = ProjectType(projects).create(PROPERTIES, CONTEXT)
    assert (name, attributes) == ("stack-Build", {"Arn": "arn:aws:codebuild:eu-west-1:1:project/stack-Build"})
    project = projects.get(name)
    assert project["source"] == {"type": "CODEPIPELINE", "buildspec": "buildspec.yaml"}
    assert project["environment"]["privilegedMode"] is False
    assert project["timeoutInMinutes"] == 45
    assert project["secondarySources"][0]["sourceIdentifier"] == "other"
    assert project["secondaryArtifacts"][0]["artifactIdentifier"] == "one"
    assert project["tags"] == [{"key": "k", "value": "v"}]


def test_update_makes_the_project_what_the_template_says() -> None:
    projects, kind = Projects(), None
    kind = ProjectType(projects)
    name, _ = kind.create(PROPERTIES, CONTEXT)
    created = projects.get(name)["created"]
    new = changed(LogsConfig=None, TimeoutInMinutes=5, EncryptionKey=None)
    assert kind.update(name, PROPERTIES, new, CONTEXT)[0] == name
    project = projects.get(name)
    assert "logsConfig" not in project
    assert (project["timeoutInMinutes"], project["created"]) == (5, created)
    assert project["encryptionKey"].endswith(":alias/aws/s3")


def test_another_name_is_another_project() -> None:
    projects = Projects()
    kind = ProjectType(projects)
    name, _ = kind.create(PROPERTIES, CONTEXT)
    assert kind.update(name, PROPERTIES, changed(Name="other"), CONTEXT)[0] == "other"
    kind.delete(name, PROPERTIES, CONTEXT)
    kind.delete(name, PROPERTIES, CONTEXT)
    assert projects.list_projects(CALL)["projects"] == ["other"]


def environment(**more: Any) -> dict[str, Any]:
    return {"Environment": {**PROPERTIES["Environment"], **more}}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (environment(PrivilegedMode=True), "privilegedMode: there is no Docker"),
        (environment(Type="WINDOWS_SERVER_2022_CONTAINER"), "environment.type WINDOWS"),
        (environment(Image="node:22"), "environment.image node:22"),
        (
            environment(Fleet={"FleetArn": "arn:aws:codebuild:::fleet/f"}),
            "fleet: there are no compute",
        ),
        (environment(Colour="red"), "environment: Colour is unknown"),
        ({"VpcConfig": {"VpcId": "vpc-1"}}, "vpcConfig: a build runs in this machine's own network"),
        ({"BuildBatchConfig": {"ServiceRole": "arn"}}, "buildBatchConfig"),
        ({"Cache": {"Type": "S3", "Location": "b"}}, "cache.type S3"),
        ({"LogsConfig": {"S3Logs": {"Status": "ENABLED", "Location": "b"}}}, "logsConfig.s3Logs"),
        ({"Triggers": {"Webhook": True}}, "Triggers: there are no webhooks"),
        ({"Visibility": "PUBLIC_READ"}, "Visibility"),
        ({"Source": {"Type": "GITHUB", "Location": "https://x"}}, "source.type GITHUB"),
        ({"Artifacts": {"Type": "NO_ARTIFACTS"}}, "both of type CODEPIPELINE, or neither"),
        (
            {"Source": {"Type": "NO_SOURCE"}, "Artifacts": {"Type": "NO_ARTIFACTS"}},
            "without a source, the buildspec is inline",
        ),
        ({"TimeoutInMinutes": 1}, "imeoutInMinutes"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(more: dict[str, Any], said: str) -> None:
    with pytest.raises(AwsError, match=said):
        ProjectType(Projects()).create(changed(**more), CONTEXT)
