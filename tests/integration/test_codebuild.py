"""Builds in the local cloud: projects that a template makes, started by principals, run with their roles."""

from __future__ import annotations

import io
import os
import re
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import build_stack
import pytest
import sample_stack
from botocore.exceptions import ClientError

from local.cloud.call import Call, Credentials
from local.cloud.deploy import deploy
from local.cloud.server import LocalCloud
from local.codebuild import PipelineRun, S3Location
from local.codebuild.plugin import CodeBuildPlugin

PATIENCE_SECONDS = 120


@pytest.fixture(scope="module")
def outputs(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("assembly")
    sample_stack.write_assembly(folder, {build_stack.STACK: build_stack.template()})
    found = deploy(folder, cloud)[build_stack.STACK]
    s3 = cloud.root_session().client("s3")
    s3.put_object(Bucket=found["Bucket"], Key="source.zip", Body=build_stack.source_zip())
    return found


@pytest.fixture
def codebuild(cloud: LocalCloud) -> Iterator[Any]:
    return cloud.root_session().client("codebuild")


def plugin(cloud: LocalCloud) -> CodeBuildPlugin:
    return next(found for found in cloud.plugins if isinstance(found, CodeBuildPlugin))


def ended(cloud: LocalCloud, build_id: str) -> dict[str, Any]:
    build = plugin(cloud).builds.wait(build_id, PATIENCE_SECONDS)
    assert build["buildComplete"], plugin(cloud).builds.log_path(build_id).read_text()
    return build


def phases(build: dict[str, Any]) -> dict[str, str]:
    return {phase["phaseType"]: phase.get("phaseStatus", "") for phase in build["phases"]}


def said(build: dict[str, Any], phase: str) -> str:
    found = next(item for item in build["phases"] if item["phaseType"] == phase)
    return str(found["contexts"][0]["message"])


def test_project_keeps_what_its_template_says(outputs: dict[str, str], codebuild: Any) -> None:
    project = codebuild.batch_get_projects(names=[outputs["Project"]])["projects"][0]
    assert project["queuedTimeoutInMinutes"] == 120
    assert project["timeoutInMinutes"] == 30
    assert project["logsConfig"]["cloudWatchLogs"] == {"groupName": "the-builds", "status": "ENABLED"}
    assert project["cache"] == {"type": "NO_CACHE"}
    assert project["encryptionKey"] == "alias/aws/s3"
    types = {item["name"]: item["type"] for item in project["environment"]["environmentVariables"]}
    assert types == {"PLAIN": "PLAINTEXT", "PARAMETER": "PARAMETER_STORE", "SECRET": "SECRETS_MANAGER"}


def test_build_of_an_s3_source_runs_and_leaves_what_it_made(
    cloud: LocalCloud, outputs: dict[str, str], codebuild: Any
) -> None:
    build_id = codebuild.start_build(projectName=outputs["Project"])["build"]["id"]
    build = ended(cloud, build_id)
    log = plugin(cloud).builds.log_path(build_id).read_text()
    assert build["buildStatus"] == "SUCCEEDED", log
    assert set(phases(build).values()) <= {"SUCCEEDED", ""}

    assert build["exportedEnvironmentVariables"] == [
        {"name": "ANSWER", "value": "42 'quoted'\n\"second line\""}
    ]
    s3 = cloud.root_session().client("s3")
    body = s3.get_object(Bucket=outputs["Bucket"], Key="out/made.zip")["Body"].read()
    with zipfile.ZipFile(io.BytesIO(body)) as made:
        assert sorted(made.namelist()) == ["answer.txt", "who.txt"]
        assert ":assumed-role/builds-Role" in made.read("who.txt").decode()

    assert "parameter *** secret *** plain of the project" in log
    assert "hush" not in log
    logs = cloud.root_session().client("logs")
    stream = build["logs"]["streamName"]
    events = logs.get_log_events(logGroupName="the-builds", logStreamName=stream)["events"]
    assert any("secret *** plain" in event["message"] for event in events)
    assert not any("hush" in event["message"] for event in events)


def test_report_of_a_build_is_served(cloud: LocalCloud, outputs: dict[str, str], codebuild: Any) -> None:
    build = ended(cloud, codebuild.start_build(projectName=outputs["Project"])["build"]["id"])
    report = codebuild.batch_get_reports(reportArns=build["reportArns"])["reports"][0]
    assert report["status"] == "FAILED"
    assert report["testSummary"]["statusCounts"] == {"FAILED": 1, "SUCCEEDED": 1}
    assert report["reportGroupArn"].endswith(f":report-group/{outputs['Project']}-tests")
    cases = codebuild.describe_test_cases(reportArn=report["arn"], filter={"status": "FAILED"})["testCases"]
    assert [(case["prefix"], case["name"], case["message"]) for case in cases] == [("a", "bad", "it is")]
    group = report["reportGroupArn"]
    assert report["arn"] in codebuild.list_reports_for_report_group(reportGroupArn=group)["reports"]


def test_who_may_start_a_project_starts_that_one_only(cloud: LocalCloud, outputs: dict[str, str]) -> None:
    starter = cloud.session(cloud.user("starter", [outputs["Starter"]])).client("codebuild")
    build_id = starter.start_build(projectName=outputs["Project"])["build"]["id"]
    assert ended(cloud, build_id)["buildStatus"] == "SUCCEEDED"
    assert starter.batch_get_builds(ids=[build_id])["builds"][0]["initiator"] == "starter"
    with pytest.raises(ClientError, match=f"StartBuild on resource: .*project/{outputs['Sleeper']}"):
        starter.start_build(projectName=outputs["Sleeper"])
    nobody = cloud.session(cloud.user("nobody", [])).client("codebuild")
    with pytest.raises(ClientError, match="not authorized to perform: codebuild:StartBuild"):
        nobody.start_build(projectName=outputs["Project"])


def test_role_that_may_not_write_artifacts_fails_the_build_by_the_name_of_the_action(
    cloud: LocalCloud, outputs: dict[str, str], codebuild: Any
) -> None:
    build = ended(cloud, codebuild.start_build(projectName=outputs["CannotWrite"])["build"]["id"])
    assert build["buildStatus"] == "FAILED"
    assert phases(build)["BUILD"] == "SUCCEEDED"
    assert phases(build)["UPLOAD_ARTIFACTS"] == "FAILED"
    assert "s3:PutObject" in said(build, "UPLOAD_ARTIFACTS")


def test_role_that_may_not_log_fails_the_build_by_the_name_of_the_action(
    cloud: LocalCloud, outputs: dict[str, str], codebuild: Any
) -> None:
    build = ended(cloud, codebuild.start_build(projectName=outputs["CannotLog"])["build"]["id"])
    assert build["buildStatus"] == "FAILED"
    assert "logs:CreateLogStream" in said(build, "PROVISIONING")


def test_command_without_permission_fails_with_its_exit_status(
    cloud: LocalCloud, outputs: dict[str, str], codebuild: Any
) -> None:
    build_id = codebuild.start_build(projectName=outputs["Failing"])["build"]["id"]
    build = ended(cloud, build_id)
    assert build["buildStatus"] == "FAILED"
    assert said(build, "BUILD") == "Error while executing command: aws_says. Reason: exit status 1"
    assert "s3:ListAllMyBuckets" in plugin(cloud).builds.log_path(build_id).read_text()


def test_stopped_build_leaves_no_child(cloud: LocalCloud, outputs: dict[str, str], codebuild: Any) -> None:
    build_id = codebuild.start_build(projectName=outputs["Sleeper"])["build"]["id"]
    log = plugin(cloud).builds.log_path(build_id)
    end = time.monotonic() + PATIENCE_SECONDS
    while not (found := re.search(r"^child (\d+)$", log.read_text(), re.MULTILINE)):
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.1)
    child = int(found[1])
    assert alive(child)
    stopped = codebuild.stop_build(id=build_id)["build"]
    assert stopped["buildStatus"] == "STOPPED"
    assert phases(stopped)["BUILD"] == "STOPPED"
    assert not alive(child)


def test_pipeline_hands_over_artifacts_and_gets_them_back(cloud: LocalCloud, outputs: dict[str, str]) -> None:
    bucket = outputs["Bucket"]
    s3 = cloud.root_session().client("s3")
    second = build_stack.source_zip({"notice.txt": "from the other artifact"})
    s3.put_object(Bucket=bucket, Key="store/source", Body=build_stack.source_zip())
    s3.put_object(Bucket=bucket, Key="store/other", Body=second)
    buildspec = """
version: 0.2
phases:
  build:
    commands:
      - test "$CODEBUILD_INITIATOR" = codepipeline/line
      - test "$CODEBUILD_RESOLVED_SOURCE_VERSION" = abc123
      - test "$PLAIN" = "of the action"
      - cp "$CODEBUILD_SRC_DIR_Other/notice.txt" notice.txt
artifacts:
  files: [notice.txt]
"""
    caller = cloud.user("pipeline", [outputs["Starter"]])
    builds = plugin(cloud).builds
    build_id = builds.start(
        called_by(cloud, caller),
        outputs["Project"],
        pipeline=PipelineRun(
            pipeline="line",
            inputs={"Source": S3Location(bucket, "store/source"), "Other": S3Location(bucket, "store/other")},
            primary="Source",
            outputs={"Built": S3Location(bucket, "store/built")},
            revision="abc123",
        ),
        environment=[{"name": "PLAIN", "value": "of the action"}],
        overrides={"buildspecOverride": buildspec},
    )
    build = ended(cloud, build_id)
    assert build["buildStatus"] == "SUCCEEDED", builds.log_path(build_id).read_text()
    body = s3.get_object(Bucket=bucket, Key="store/built")["Body"].read()
    with zipfile.ZipFile(io.BytesIO(body)) as built:
        assert built.read("notice.txt") == b"from the other artifact"


def test_update_of_the_template_changes_the_project(
    cloud: LocalCloud, outputs: dict[str, str], codebuild: Any, tmp_path: Path
) -> None:
    sample_stack.write_assembly(tmp_path, {build_stack.STACK: build_stack.template(timeout=45)})
    deploy(tmp_path, cloud)
    project = codebuild.batch_get_projects(names=[outputs["Project"]])["projects"][0]
    assert project["timeoutInMinutes"] == 45
    assert project["logsConfig"]["cloudWatchLogs"]["groupName"] == "the-builds"
    assert project["source"]["location"].endswith("/source.zip")


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    # A zombie has ended: nobody has asked for its status yet.
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def called_by(cloud: LocalCloud, credentials: Credentials) -> Call:
    return Call(cloud.account, cloud.region, credentials.principal_arn, credentials.access_key)
