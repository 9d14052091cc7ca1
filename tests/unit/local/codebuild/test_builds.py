"""Builds in the local cloud, in the corners that a template does not reach."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.cloud.processes import Stopping
from local.cloud.server import LocalCloud
from local.codebuild.api import CodeBuildApi
from local.codebuild.builds import Builds
from local.codebuild.phase_error import PhaseError
from local.codebuild.projects import Projects
from local.codebuild.reports import Reports

PATIENCE_SECONDS = 60
TRUST = {"Effect": "Allow", "Principal": {"Service": "codebuild.amazonaws.com"}, "Action": "sts:AssumeRole"}


@pytest.fixture(scope="module")
def role(cloud: LocalCloud) -> str:
    name = f"builder-{uuid.uuid4().hex[:8]}"
    iam = cloud.root_session().client("iam")
    trust = json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    allowed = {"Effect": "Allow", "Action": "codecommit:GitPull", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy)
    return str(arn)


def git(repository: str, version: str) -> tuple[bytes, str]:
    if repository != "line":
        raise PhaseError("CLIENT_ERROR", f"repository does not exist: {repository}")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("buildspec.yml", spec('test "$CODEBUILD_RESOLVED_SOURCE_VERSION" = abc'))
    return buffer.getvalue(), "abc"


class House:
    """Builds beside those of the cloud, with projects of their own."""

    def __init__(self, cloud: LocalCloud, role: str, **options: Any) -> None:
        self.projects, self.reports = Projects(), Reports()
        self.builds = Builds(cloud, self.projects, self.reports, git, **options)
        self.api = CodeBuildApi(self.builds, self.projects, self.reports)
        self.call = Call(cloud.account, cloud.region, f"arn:aws:iam::{cloud.account}:user/me", cloud.account)
        self._role = role

    def project(self, buildspec: str, name: str = "p", **more: Any) -> str:
        given = {
            "source": {"type": "NO_SOURCE", "buildspec": buildspec},
            "artifacts": {"type": "NO_ARTIFACTS"},
            "environment": {
                "type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0",
                "computeType": "BUILD_GENERAL1_SMALL",
            },
            "logsConfig": {"cloudWatchLogs": {"status": "DISABLED"}},
            "serviceRole": self._role,
        }  # fmt: skip
        self.projects.create_project(self.call, name=name, **{**given, **more})
        return name

    def start(self, name: str = "p", **asked: Any) -> str:
        return str(self.api.start_build(self.call, projectName=name, **asked)["build"]["id"])

    def ended(self, build_id: str) -> dict[str, Any]:
        build = self.builds.wait(build_id, PATIENCE_SECONDS)
        assert build["buildComplete"], self.builds.log_path(build_id).read_text()
        return build


@pytest.fixture
def house(cloud: LocalCloud, role: str) -> Iterator[Callable[..., House]]:
    made: list[House] = []

    def make(**options: Any) -> House:
        made.append(House(cloud, role, **options))
        return made[-1]

    yield make
    for one in made:
        one.builds.close()


def spec(*commands: str, **more: Any) -> str:
    return json.dumps({"version": "0.2", "phases": {"build": {"commands": list(commands)}}, **more})


def last(build: dict[str, Any]) -> dict[str, Any]:
    """The phase that the build ended in."""
    return dict(build["phases"][-2])


def test_build_that_takes_too_long_times_out(house: Callable[..., House]) -> None:
    own = house(minute=0.2)
    own.project(spec("sleep 600"), timeoutInMinutes=5)
    build = own.ended(own.start())
    assert build["buildStatus"] == "TIMED_OUT"
    assert (last(build)["phaseType"], last(build)["phaseStatus"]) == ("BUILD", "TIMED_OUT")
    assert last(build)["contexts"][0]["statusCode"] == "BUILD_TIMED_OUT"


def test_build_waits_in_the_queue_and_no_longer_than_it_may(house: Callable[..., House]) -> None:
    own = house(minute=0.1, at_once=1)
    own.project(spec("sleep 600"), timeoutInMinutes=2160)
    own.project(spec("true"), name="patient", queuedTimeoutInMinutes=5)
    first = own.start()
    second = own.ended(own.start("patient"))
    assert second["buildStatus"] == "TIMED_OUT"
    assert last(second)["phaseType"] == "QUEUED"
    assert own.builds.end(first)["buildStatus"] == "STOPPED"
    assert own.ended(own.start("patient"))["buildStatus"] == "SUCCEEDED"


def test_stopped_in_the_queue(house: Callable[..., House]) -> None:
    own = house(at_once=1)
    own.project(spec("sleep 600"))
    own.start()
    stopped = own.api.stop_build(own.call, id=own.start())["build"]
    assert (stopped["buildStatus"], last(stopped)["phaseType"]) == ("STOPPED", "QUEUED")
    again = own.api.stop_build(own.call, id=stopped["id"])["build"]
    assert again["endTime"] == stopped["endTime"]


def test_limit_of_builds_at_once(house: Callable[..., House]) -> None:
    own = house()
    own.project(spec("sleep 600"), concurrentBuildLimit=1)
    own.start()
    with pytest.raises(AwsError, match="more than 1 builds in progress"):
        own.start()


def test_token_that_comes_again_starts_nothing(house: Callable[..., House]) -> None:
    own = house()
    own.project(spec("true"))
    first = own.start(idempotencyToken="once")
    assert own.start(idempotencyToken="once") == first
    assert own.start(idempotencyToken="twice") != first
    with pytest.raises(AwsError, match="the parameters are not those of before"):
        own.start(idempotencyToken="once", buildspecOverride=spec("false"))


def test_retry_starts_the_same_once_more(house: Callable[..., House]) -> None:
    own = house()
    own.project(spec('test "$A" = b'))
    first = own.start(environmentVariablesOverride=[{"name": "A", "value": "b"}])
    assert own.ended(first)["buildStatus"] == "SUCCEEDED"
    second = own.api.retry_build(own.call, id=first)["build"]
    assert own.ended(second["id"])["buildStatus"] == "SUCCEEDED"
    assert second["buildNumber"] == 2
    assert own.api.list_builds_for_project(own.call, projectName="p")["ids"] == [second["id"], first]
    assert own.api.list_builds(own.call, sortOrder="ASCENDING")["ids"] == [first, second["id"]]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"debugSessionEnabled": True}, "debugSessionEnabled is not served"),
        ({"privilegedModeOverride": True}, "there is no Docker"),
        (
            {"sourceTypeOverride": "CODEPIPELINE", "artifactsOverride": {"type": "CODEPIPELINE"}},
            "only a pipeline",
        ),
    ],
)
def test_start_that_asks_for_too_much_is_refused(
    house: Callable[..., House], asked: dict[str, Any], said: str
) -> None:
    own = house()
    own.project(spec("true"))
    with pytest.raises(AwsError, match=said):
        own.start(**asked)


def test_wrong_buildspec_fails_the_download_by_its_key(house: Callable[..., House]) -> None:
    own = house()
    own.project(json.dumps({"version": "0.2", "phases": {"deploy": {"commands": ["true"]}}}))
    build = own.ended(own.start())
    assert (build["buildStatus"], last(build)["phaseType"]) == ("FAILED", "DOWNLOAD_SOURCE")
    (context,) = last(build)["contexts"]
    assert context["statusCode"] == "YAML_FILE_ERROR"
    assert "'deploy' is unknown" in context["message"]


def test_role_that_does_not_trust_codebuild_fails_the_build(house: Callable[..., House]) -> None:
    own = house()
    own.project(spec("true"), serviceRole="arn:aws:iam::000000000000:role/gone")
    build = own.ended(own.start())
    assert (build["buildStatus"], last(build)["phaseType"]) == ("FAILED", "PROVISIONING")
    assert "sts:AssumeRole on resource: arn:aws:iam::000000000000:role/gone" in str(last(build)["contexts"])


def test_source_of_codecommit_is_checked_out(house: Callable[..., House]) -> None:
    own = house()
    address = "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/"
    own.project("", source={"type": "CODECOMMIT", "location": address + "line"})
    build = own.ended(own.start())
    assert build["buildStatus"] == "SUCCEEDED", own.builds.log_path(build["id"]).read_text()
    assert build["resolvedSourceVersion"] == "abc"
    own.project("", name="q", source={"type": "CODECOMMIT", "location": address + "gone"})
    assert "repository does not exist: gone" in str(last(own.ended(own.start("q"))))


def test_defect_of_the_double_is_a_fault(
    house: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr("local.codebuild.build_run.check_out", broken)
    own = house()
    own.project(spec("true"))
    build = own.ended(own.start())
    assert (build["buildStatus"], last(build)["phaseStatus"]) == ("FAULT", "FAULT")
    assert "the disk is full" in str(last(build)["contexts"])


def test_build_that_meets_the_end_of_the_cloud_is_stopped_and_prints_no_defect(
    house: Callable[..., House], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def closed(*_: Any, **__: Any) -> None:
        raise Stopping("nothing is started any more")

    monkeypatch.setattr("local.codebuild.build_run.check_out", closed)
    own = house()
    own.project(spec("true"))
    build = own.ended(own.start())
    assert (build["buildStatus"], last(build)["phaseStatus"]) == ("STOPPED", "STOPPED")
    assert caplog.records == []


def test_files_of_a_build_are_gone_and_its_log_stays(house: Callable[..., House]) -> None:
    own = house()
    own.project(spec("echo heard"))
    heard: list[str] = []
    own.builds.on_log_line = lambda _, line: heard.append(line)
    build_id = own.start()
    own.ended(build_id)
    path = own.builds.log_path(build_id)
    assert "heard\n" in path.read_text()
    assert "heard" in heard
    assert [entry.name for entry in path.parent.iterdir()] == ["build.log"]


@pytest.mark.parametrize(
    ("files", "said"),
    [("*.xml", "codebuild:CreateReportGroup"), ("gone.xml", "report files not found in build")],
)
def test_report_that_cannot_be_made_fails_the_upload(
    house: Callable[..., House], files: str, said: str
) -> None:
    own = house()
    reports = {"unit": {"files": [files]}}
    own.project(spec("echo '<testsuite/>' >tests.xml", reports=reports))
    build = own.ended(own.start())
    phase = build["phases"][-3]
    assert (build["buildStatus"], phase["phaseType"]) == ("FAILED", "UPLOAD_ARTIFACTS")
    assert said in phase["contexts"][0]["message"]


@pytest.mark.parametrize(
    ("env", "action"),
    [
        ({"parameter-store": {"A": "/a"}}, "ssm:GetParameters"),
        ({"secrets-manager": {"A": "a"}}, "secretsmanager:GetSecretValue"),
    ],
)
def test_role_that_may_not_read_a_variable_fails_the_build(
    house: Callable[..., House], env: dict[str, Any], action: str
) -> None:
    own = house()
    own.project(spec("true", env=env))
    build = own.ended(own.start())
    assert (build["buildStatus"], last(build)["phaseType"]) == ("FAILED", "DOWNLOAD_SOURCE")
    assert f"not authorized to perform: {action}" in last(build)["contexts"][0]["message"]


def test_role_that_may_not_pull_fails_the_build(
    cloud: LocalCloud, house: Callable[..., House], role: str
) -> None:
    name = role.rpartition("/")[2] + "-none"
    iam = cloud.root_session().client("iam")
    trust = json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    own = house()
    own.project("", source={"type": "CODECOMMIT", "location": "https://git/line"}, serviceRole=arn)
    assert "codecommit:GitPull" in str(last(own.ended(own.start()))["contexts"])
