"""What a workflow's pipeline does: run a build on its sources, or execute a state machine."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import aws_cdk as cdk
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn

from stacks.grants import allow


class WorkflowAction(Protocol):
    """An action of CodePipeline; its outputs are variables in the namespace of its name."""

    @property
    def name(self) -> str:
        """The action's name, one word in PascalCase."""

    @property
    def category(self) -> str:
        """CodePipeline's kind of action."""

    @property
    def provider(self) -> str:
        """CodePipeline's name of the service."""

    @property
    def reader(self) -> iam.Role | None:
        """The role that reads the sources, None where the action needs none."""

    def configuration(self) -> Mapping[str, str]:
        """What CodePipeline is told."""

    def grant(self, role: iam.Role) -> None:
        """Give the action's role what the action needs, and nothing else."""


@dataclass(frozen=True)
class RunBuild:
    """Run a CodeBuild project on the pipeline's sources; `environment` may name the pipeline's variables."""

    name: str
    project: codebuild.Project
    reader: iam.Role
    environment: Mapping[str, str] = field(default_factory=dict)
    category: str = "Build"
    provider: str = "CodeBuild"

    def configuration(self) -> Mapping[str, str]:
        """The project, and the variables of this build beside the project's own."""
        variables = [
            {"name": name, "type": "PLAINTEXT", "value": value} for name, value in self.environment.items()
        ]
        return {"ProjectName": self.project.project_name, "EnvironmentVariables": json.dumps(variables)}

    def grant(self, role: iam.Role) -> None:
        """Start, watch and stop builds of this project."""
        actions = ("codebuild:StartBuild", "codebuild:BatchGetBuilds", "codebuild:StopBuild")
        allow(role, *actions, on=[self.project.project_arn])


@dataclass(frozen=True)
class RunMachine:
    """Execute a state machine with a fixed input, and wait for its end."""

    name: str
    machine: sfn.StateMachine
    input: Mapping[str, str]
    reader: iam.Role | None = None
    category: str = "Invoke"
    provider: str = "StepFunctions"

    def configuration(self) -> Mapping[str, str]:
        """The state machine and its input."""
        return {
            "StateMachineArn": self.machine.state_machine_arn,
            "InputType": "Literal",
            "Input": json.dumps(self.input),
        }

    def grant(self, role: iam.Role) -> None:
        """Start executions of this state machine, and see how they end."""
        arn = self.machine.state_machine_arn
        allow(role, "states:StartExecution", "states:DescribeStateMachine", on=[arn])
        executions = cdk.Stack.of(self.machine).format_arn(
            service="states",
            resource="execution",
            resource_name=f"{self.machine.state_machine_name}:*",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        allow(
            role, "states:DescribeExecution", on=[executions], because="an execution is named when it starts"
        )
