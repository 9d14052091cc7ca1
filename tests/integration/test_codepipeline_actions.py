"""Actions that need the neighbours: commits of repositories, builds, and stacks without change sets."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
from sample_stack import allow
from waiting import eventually

from local.cloud.server import LocalCloud
from local.source.connections import Connection
from local.source.plugin import SourcePlugin
from local.source.repositories import Push

CODE = [{"name": "Code"}]
BUILDSPEC = {
    "version": 0.2,
    "env": {"exported-variables": ["NAME"]},
    "phases": {
        "build": {
            "commands": [
                "export NAME=$PREFIX-$CODEBUILD_RESOLVED_SOURCE_VERSION",
                'printf \'{"Resources": {"Words": {"Type": "AWS::SSM::Parameter", "Properties": '
                '{"Name": "/%s/words", "Type": "String", "Value": "%s"}}}, '
                '"Outputs": {"Words": {"Value": "%s"}}}\' $PREFIX "$(cat words.txt)" $NAME > template.json',
            ]
        }
    },
    "artifacts": {"files": ["template.json"]},
}


class Workshop:
    """Buckets, roles and repositories for pipelines that tests make by the API."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud
        session = cloud.root_session()
        self.client: Any = session.client("codepipeline")
        self.iam: Any = session.client("iam")
        self.source = next(p for p in cloud.plugins if isinstance(p, SourcePlugin))
        place = {"LocationConstraint": cloud.region}
        session.client("s3").create_bucket(Bucket="workshop-artifacts", CreateBucketConfiguration=place)
        everything = ["arn:aws:s3:::workshop-artifacts", "arn:aws:s3:::workshop-artifacts/*"]
        self.artifacts = allow("s3:*", everything)  # type: ignore[arg-type]

    def role(self, name: str, service: str, *statements: dict[str, Any]) -> str:
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
        role = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust))["Role"]
        if statements:
            self.iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=policy(*statements))
        return str(role["Arn"])

    def pipeline(self, name: str, role: str, *stages: list[dict[str, Any]], **more: Any) -> None:
        declared = {
            "name": name, "roleArn": role, "pipelineType": "V2",
            "artifactStore": {"type": "S3", "location": "workshop-artifacts"},
            "stages": [{"name": f"Stage{i}", "actions": actions} for i, actions in enumerate(stages)],
            **more,
        }  # fmt: skip
        self.client.create_pipeline(pipeline=declared)
        self.ended(name, self.executions(name)[0]["pipelineExecutionId"])

    def executions(self, name: str) -> list[dict[str, Any]]:
        answer = self.client.list_pipeline_executions(pipelineName=name)
        return list(answer["pipelineExecutionSummaries"])

    def run(self, name: str) -> tuple[str, dict[str, Any]]:
        execution = self.client.start_pipeline_execution(name=name)["pipelineExecutionId"]
        return self.ended(name, execution)

    def ended(self, name: str, execution: str) -> tuple[str, dict[str, Any]]:
        """Wait for the end of an execution; give its status, and its actions by name."""
        asked = {"pipelineName": name, "pipelineExecutionId": execution}

        def status() -> str | None:
            found = str(self.client.get_pipeline_execution(**asked)["pipelineExecution"]["status"])
            return None if found in ("InProgress", "Stopping") else found

        ended = eventually(status)
        details = self.client.list_action_executions(
            pipelineName=name, filter={"pipelineExecutionId": execution}
        )["actionExecutionDetails"]
        return ended, {found["actionName"]: found for found in details}

    def commit(self, kind: Any, repository: str, message: str, files: dict[str, str]) -> str:
        """Commit to main, past the hooks: who may push is another test's affair."""
        folder = self.source.repositories.create(kind, repository)
        lines = [
            "commit refs/heads/main", "committer Anna <anna@example.com> 1763700000 +0100",
            f"data {len(message)}", message, "deleteall",
        ]  # fmt: skip
        for path, text in files.items():
            lines += [f"M 100644 inline {path}", f"data {len(text)}", text]
        told = "\n".join([*lines, ""])
        command = ["git", "fast-import", "--quiet", "--force"]
        subprocess.run(command, cwd=folder, input=told, text=True, check=True)
        head = self.source.repositories.head(kind, repository, "main")
        assert head is not None
        return head.id


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def action(
    name: str, category: str, provider: str, configuration: dict[str, str], **more: Any
) -> dict[str, Any]:
    kind = {"category": category, "owner": "AWS", "provider": provider, "version": "1"}
    return {"name": name, "actionTypeId": kind, "configuration": configuration, **more}


def why(actions: dict[str, Any], name: str) -> str:
    return str(actions[name]["output"]["executionResult"]["errorDetails"]["message"])


@pytest.fixture(scope="module")
def workshop(cloud: LocalCloud) -> Workshop:
    return Workshop(cloud)


def codecommit(repository: str) -> dict[str, Any]:
    configuration = {"RepositoryName": repository, "BranchName": "main", "PollForSourceChanges": "false"}
    return action("Fetch", "Source", "CodeCommit", configuration, outputArtifacts=CODE, namespace="Source")


def stack(name: str, mode: str, role: str, stack_name: str, **more: Any) -> dict[str, Any]:
    configuration = {"ActionMode": mode, "StackName": stack_name, "RoleArn": role}
    configuration |= more.pop("configuration", {})
    return action(name, "Deploy", "CloudFormation", configuration, **more)


def test_commit_is_built_deployed_and_taken_away(workshop: Workshop) -> None:
    cloud = workshop.cloud
    logs = allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], "*")
    builder = workshop.role("workshop-builder", "codebuild.amazonaws.com", workshop.artifacts, logs)
    stacks = workshop.role("workshop-stacks", "cloudformation.amazonaws.com")
    cloud.root_session().client("codebuild").create_project(
        name="workshop",
        source={"type": "CODEPIPELINE", "buildspec": json.dumps(BUILDSPEC)},
        artifacts={"type": "CODEPIPELINE"},
        environment={
            "type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0",
            "computeType": "BUILD_GENERAL1_SMALL",
        },
        serviceRole=builder,
    )  # fmt: skip
    commit = workshop.commit("codecommit", "workshop", "Say hello\n", {"words.txt": "hello"})
    project = f"arn:aws:codebuild:{cloud.region}:{cloud.account}:project/workshop"
    repository = f"arn:aws:codecommit:{cloud.region}:{cloud.account}:workshop"
    reading = ["codecommit:GetBranch", "codecommit:GetCommit", "codecommit:UploadArchive"]
    role = workshop.role(
        "workshop-pipeline", "codepipeline.amazonaws.com", workshop.artifacts,
        allow([*reading, "codecommit:GetUploadArchiveStatus"], repository),
        allow(["codebuild:StartBuild", "codebuild:BatchGetBuilds"], project),
        allow("cloudformation:*", "*"), allow("iam:PassRole", stacks),
    )  # fmt: skip
    variables = [{"name": "PREFIX", "value": "built", "type": "PLAINTEXT"}]
    build = action(
        "Build", "Build", "CodeBuild",
        {"ProjectName": "workshop", "EnvironmentVariables": json.dumps(variables)},
        inputArtifacts=CODE, outputArtifacts=[{"name": "Built"}], namespace="Build",
    )  # fmt: skip
    template = {"TemplatePath": "Built::template.json"}
    workshop.pipeline(
        "workshop", role, [codecommit("workshop")], [build],
        [stack("Up", "CREATE_UPDATE", stacks, "workshop-#{Build.NAME}", configuration=template,
               inputArtifacts=[{"name": "Built"}], namespace="Up", runOrder=1),
         stack("Down", "DELETE_ONLY", stacks, "workshop-#{Up.Words}", runOrder=2)],
    )  # fmt: skip
    status, actions = workshop.run("workshop")
    assert status == "Succeeded", actions
    told = actions["Fetch"]["output"]["outputVariables"]
    assert (told["CommitId"], told["CommitMessage"]) == (commit, "Say hello")
    assert actions["Build"]["output"]["outputVariables"] == {"NAME": f"built-{commit}"}
    assert actions["Up"]["output"]["outputVariables"] == {"Words": f"built-{commit}"}
    gone = cloud.root_session().client("cloudformation").list_stacks(StackStatusFilter=["DELETE_COMPLETE"])
    assert f"workshop-built-{commit}" in [s["StackName"] for s in gone["StackSummaries"]]


def test_failed_build_tells_its_phase(workshop: Workshop) -> None:
    workshop.commit("codecommit", "workshop", "Lose the words\n", {"other.txt": "x"})
    cloud = workshop.cloud.root_session().client("codebuild")
    failing = {"version": 0.2, "phases": {"build": {"commands": ["cat words.txt"]}}}
    cloud.update_project(name="workshop", source={"type": "CODEPIPELINE", "buildspec": json.dumps(failing)})
    status, actions = workshop.run("workshop")
    assert status == "Failed"
    assert "BUILD: " in why(actions, "Build")
    assert "cat words.txt" in why(actions, "Build")
    assert "Up" not in actions


def test_source_needs_its_grants_and_its_repository(workshop: Workshop) -> None:
    poor = workshop.role("workshop-poor", "codepipeline.amazonaws.com", workshop.artifacts)
    approval = [action("Ask", "Approval", "Manual", {})]
    workshop.pipeline("workshop-poor", poor, [codecommit("workshop")], approval)
    status, actions = workshop.run("workshop-poor")
    assert status == "Failed"
    assert "codecommit:GetBranch" in why(actions, "Fetch")


def test_push_to_a_connection_starts_the_pipeline_once_it_is_authorised(workshop: Workshop) -> None:
    arn = f"arn:aws:codeconnections:{workshop.cloud.region}:{workshop.cloud.account}:connection/workshop"
    connection = Connection(arn, "workshop", "GitHub", workshop.cloud.account)
    workshop.source.connections.add(connection)
    role = workshop.role(
        "workshop-connected", "codepipeline.amazonaws.com", workshop.artifacts,
        allow("codeconnections:UseConnection", arn),
    )  # fmt: skip
    configuration = {"ConnectionArn": arn, "FullRepositoryId": "acme/line", "BranchName": "main"}
    fetch = action("Fetch", "Source", "CodeStarSourceConnection", configuration, outputArtifacts=CODE)
    push = {"branches": {"includes": ["main"]}, "filePaths": {"excludes": ["docs/**"]}}
    trigger = {
        "providerType": "CodeStarSourceConnection",
        "gitConfiguration": {"sourceActionName": "Fetch", "push": [push]},
    }
    old = workshop.commit("connection", "acme/line", "First\n", {"app.py": "1"})
    new = workshop.commit("connection", "acme/line", "Second\n", {"app.py": "2"})
    ask = action("Ask", "Approval", "Manual", {})
    workshop.pipeline(
        "workshop-connected", role, [fetch], [{**ask, "timeoutInMinutes": 5}], triggers=[trigger]
    )
    first = workshop.executions("workshop-connected")[0]["pipelineExecutionId"]
    assert "authorise it" in why(workshop.ended("workshop-connected", first)[1], "Fetch")
    workshop.source.connections.authorise(arn)
    for paths in (("docs/a.md",), ("app.py", "docs/a.md")):
        workshop.source.repositories.pushed(Push("connection", "acme/line", "main", old, new, paths))
    started = workshop.executions("workshop-connected")
    assert len(started) == 2

    def asked() -> bool:
        state = workshop.client.get_pipeline_state(name="workshop-connected")["stageStates"][1]
        return bool(state["actionStates"][0].get("latestExecution", {}).get("token"))

    eventually(asked)
    newest = workshop.executions("workshop-connected")[0]
    assert newest["sourceRevisions"][0]["revisionId"] == new
    assert newest["trigger"]["triggerType"] == "WebhookV2"
    workshop.client.delete_pipeline(name="workshop-connected")


def deploying(
    workshop: Workshop, name: str, template: dict[str, Any], deploy: dict[str, Any], role: str
) -> None:
    workshop.commit("codecommit", name, "Template\n", {"template.json": json.dumps(template)})
    configuration = {"TemplatePath": "Code::template.json", **deploy["configuration"]}
    workshop.pipeline(
        name, role, [codecommit(name)], [{**deploy, "configuration": configuration, "inputArtifacts": CODE}]
    )


def deployer(workshop: Workshop, name: str) -> str:
    statements = [allow(["codecommit:*", "cloudformation:*", "iam:PassRole"], "*"), workshop.artifacts]
    return workshop.role(name, "codepipeline.amazonaws.com", *statements)


def test_stack_role_has_to_trust_cloudformation(workshop: Workshop) -> None:
    other = workshop.role("workshop-untrusting", "lambda.amazonaws.com")
    deploy = stack("Up", "CREATE_UPDATE", other, "workshop-untrusting")
    deploying(workshop, "workshop-untrusting", {}, deploy, deployer(workshop, "workshop-deployer-1"))
    status, actions = workshop.run("workshop-untrusting")
    assert status == "Failed"
    assert "cloudformation.amazonaws.com is not authorized to perform: sts:AssumeRole" in why(actions, "Up")


def test_stack_that_was_never_made_stands_in_the_way(workshop: Workshop) -> None:
    stacks = workshop.role("workshop-stacks-2", "cloudformation.amazonaws.com")
    broken = {"Resources": {"Broken": {"Type": "AWS::CodePipeline::CustomActionType", "Properties": {}}}}
    deploy = stack("Up", "CREATE_UPDATE", stacks, "workshop-broken")
    deploying(workshop, "workshop-broken", broken, deploy, deployer(workshop, "workshop-deployer-2"))
    first = workshop.executions("workshop-broken")[0]["pipelineExecutionId"]
    assert "ROLLBACK_COMPLETE: Broken: " in why(workshop.ended("workshop-broken", first)[1], "Up")
    status, actions = workshop.run("workshop-broken")
    assert status == "Failed"
    assert "is in ROLLBACK_COMPLETE state and can not be updated" in why(actions, "Up")
