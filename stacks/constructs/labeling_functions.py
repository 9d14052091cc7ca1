"""The functions behind the states of the labeling workflow, and what each of them may do."""

import json

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from config import Edgeline
from stacks.acknowledgements import acknowledge_pattern
from stacks.constructs.labeling_table import grant_images, grant_table
from stacks.constructs.python_function import PythonFunction
from stacks.constructs.workbench import Workbench
from stacks.grants import allow, read_objects, write_objects

_MINUTES = 15
# All answers of a round at once: 10,000 pictures by five people with 40 boxes each are about 1 GB.
_ROUND_MB = 3008


class LabelingFunctions(Construct):
    """`find`, `open_round`, `collect` and `write`, each with the grants that it needs and no others."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Edgeline,
        workbench: Workbench,
        images: s3.IBucket,
        artifacts: s3.IBucket,
        key: kms.IKey,
        feature_group_name: str,
    ) -> None:
        super().__init__(scope, construct_id)
        self._workbench, self._artifacts, self._key = workbench, artifacts, key
        self.find = self._function(
            "FindUnlabeledImages",
            "find_unlabeled_images",
            {
                "IMAGES_BUCKET": images.bucket_name,
                "MODEL_CLASSES": json.dumps({model.name: model.classes for model in config.detectors}),
            },
            memory_mb=1769,  # one whole processor
        )
        labeling = config.labeling
        matching = {"CONSENSUS_IOU": str(labeling.consensus_iou)}
        people = {
            "ANNOTATORS": str(labeling.annotators),
            "ROUND_TIMEOUT_HOURS": str(labeling.round_timeout_hours),
        }
        self.open_round = self._function(
            "OpenRound", "open_round", {**people, **matching}, memory_mb=_ROUND_MB
        )
        rounds = {"MAX_ROUNDS": str(labeling.max_rounds)}
        self.collect = self._function(
            "CollectAnswers", "collect_answers", {**rounds, **matching}, memory_mb=_ROUND_MB
        )
        self.write = self._function("WriteLabels", "write_labels", {"FEATURE_GROUP": feature_group_name})
        self.all = [self.find, self.open_round, self.collect, self.write]
        read_objects(self.find, images, key, "images/")
        grant_images(workbench.table, self.find)
        for function in (self.open_round, self.collect, self.write):
            read_objects(function, artifacts, key, "labeling/")
        write_objects(self.find, artifacts, key, "labeling/")
        write_objects(self.collect, artifacts, key, "labeling/")
        write_objects(self.write, artifacts, key, "labeling/", "labels/", "quarantine/")
        feature_group = cdk.Stack.of(self).format_arn(
            service="sagemaker", resource="feature-group", resource_name=feature_group_name
        )
        allow(self.write, "sagemaker:PutRecord", on=[feature_group])

    def grant_machine(self, machine: sfn.StateMachine) -> None:
        """Let `find` ask for the machine's executions, and what completes a round answer its tokens.

        The machine needs these functions to exist, so that their own policies cannot name it: this is one
        apart from them.
        """
        asks = iam.Policy(self, "AsksForExecutions", roles=[self.find.own_role])
        executions = cdk.Stack.of(self).format_arn(
            service="states",
            resource="execution",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
            resource_name=f"{machine.state_machine_name}:*",
        )
        asks.add_statements(iam.PolicyStatement(actions=["states:DescribeExecution"], resources=[executions]))
        acknowledge_pattern(asks, executions, "an execution is named when it starts")
        completes = iam.Policy(
            self, "CompletesRounds", roles=[self.open_round.own_role, self._workbench.function.own_role]
        )
        completes.add_statements(
            iam.PolicyStatement(actions=["states:SendTaskSuccess"], resources=[machine.state_machine_arn])
        )

    def _function(
        self, construct_id: str, module: str, environment: dict[str, str], *, memory_mb: int = 1024
    ) -> PythonFunction:
        function = PythonFunction(
            self,
            construct_id,
            handler=f"lambdas.labeling.{module}.handler",
            environment={
                "TABLE": self._workbench.table.table_name,
                "ARTIFACTS_BUCKET": self._artifacts.bucket_name,
                **environment,
            },
            timeout_seconds=60 * _MINUTES,
            memory_mb=memory_mb,
        )
        grant_table(self._workbench.table, self._key, function)
        return function
