"""What supervisors and approvers do on the page: a function for each, so that annotators' has none of it."""

import json

from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from config import Edgeline
from stacks.accounts import ToolsAccount
from stacks.constructs.labeling_table import grant_table
from stacks.constructs.python_function import PythonFunction
from stacks.constructs.threshold_start import grant_starts
from stacks.constructs.workbench import Workbench
from stacks.grants import allow, allow_everywhere, read_objects
from stacks.names import packages_role_name

_API_GATEWAY_WAITS = 29  # seconds


class Supervision(Construct):
    """The routes `/supervision` and `/packages`, for the groups that the functions ask for."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Edgeline,
        workbench: Workbench,
        machine: sfn.StateMachine,
        images: s3.IBucket,
        artifacts: s3.IBucket,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)
        self._config, self._workbench = config, workbench
        supervise = self._supervise(machine, images, key)
        for verb, path in (
            ("GET", "/supervision"),
            ("GET", "/supervision/tasks"),
            ("POST", "/supervision/rounds"),
            ("POST", "/supervision/rounds/{round}/close"),
        ):
            workbench.method(path, verb, supervise)
        packages = self._packages(artifacts, key)
        workbench.method("/packages", "GET", packages)
        workbench.method("/packages/decision", "POST", packages)

    def _supervise(self, machine: sfn.StateMachine, images: s3.IBucket, key: kms.IKey) -> PythonFunction:
        function = PythonFunction(
            self,
            "ServeSupervision",
            handler="lambdas.labeling.serve_supervision.handler",
            environment={
                "TABLE": self._workbench.table.table_name,
                "STATE_MACHINE_ARN": machine.state_machine_arn,
                "MODELS": json.dumps([model.name for model in self._config.detectors]),
                "CONSENSUS_IOU": str(self._config.labeling.consensus_iou),
            },
            timeout_seconds=_API_GATEWAY_WAITS,
            memory_mb=1769,  # one whole processor: the statistics read thousands of answers
        )
        grant_table(self._workbench.table, key, function)
        # What a presigned URL opens is what its signer may read.
        pictures = images.arn_for_objects("images/*")
        allow(function, "s3:GetObject", on=[pictures], because="images are named by their uploaders")
        grant_starts(function, machine)
        allow(function, "states:SendTaskSuccess", on=[machine.state_machine_arn])
        return function

    def _packages(self, artifacts: s3.IBucket, key: kms.IKey) -> PythonFunction:
        """The promotion believes this role alone who the person was that decided."""
        groups = {model.name: f"{self._config.name}-{model.name}" for model in self._config.models}
        function = PythonFunction(
            self,
            "ServePackages",
            handler="lambdas.labeling.serve_packages.handler",
            environment={
                "PACKAGE_GROUPS": json.dumps(groups, separators=(",", ":")),
                "ARTIFACTS_BUCKET": artifacts.bucket_name,
            },
            timeout_seconds=_API_GATEWAY_WAITS,
            role_name=packages_role_name(self._config),
        )
        packages = [ToolsAccount(self._config).model_packages(model) for model in self._config.models]
        version = "a package is a version number"
        allow_everywhere(function, "sagemaker:ListModelPackages")
        allow(function, "sagemaker:DescribeModelPackage", on=packages, because=version)
        allow(
            function,
            "sagemaker:UpdateModelPackage",
            on=packages,
            because=version,
            conditions={
                "StringEquals": {"sagemaker:ModelApprovalStatus": ["Approved", "Rejected"]},
                "Null": {"sagemaker:ModelLifeCycle:stage": "true"},
            },
        )
        read_objects(function, artifacts, key, "releases/*/approval", "runs/*/evaluation/")
        return function
