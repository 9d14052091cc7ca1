"""From images to labels: the labeling state machine, its pipeline, the workbench on which people answer."""

from dataclasses import asdict
from pathlib import Path
from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as s3_assets
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from config import Edgeline
from stacks.constructs.drawing_guide import DrawingGuide
from stacks.constructs.folder_publisher import FolderPublisher
from stacks.constructs.ground_truth_jobs import GroundTruthJobs
from stacks.constructs.ground_truth_workflow import GroundTruthWorkflow
from stacks.constructs.image_watch import ImageWatch
from stacks.constructs.labeling_functions import LabelingFunctions
from stacks.constructs.labeling_page import LabelingPage
from stacks.constructs.labeling_workflow import LabelingWorkflow
from stacks.constructs.operator_policy import OperatorPolicy
from stacks.constructs.people import People
from stacks.constructs.python_function import PythonFunction
from stacks.constructs.round_closer import RoundCloser
from stacks.constructs.suggestions import Suggestions, suggests
from stacks.constructs.supervision import Supervision
from stacks.constructs.threshold_start import ThresholdStart
from stacks.constructs.workbench import Workbench
from stacks.constructs.workflow_actions import RunMachine
from stacks.constructs.workflow_pipeline import (
    WorkflowPipeline,
    WorkflowStore,
    content_of,
    labeling_pipeline_name,
)

_ROOT = Path(__file__).parents[1]
_SOURCES = ("lambdas/__init__.py", "lambdas/common", "lambdas/labeling")


class LabelingStack(cdk.Stack):
    """Images without a label, labelled by one person and verified by another, into the Feature Store."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Edgeline,
        images: s3.IBucket,
        artifacts: s3.IBucket,
        key: kms.IKey,
        feature_group_name: str,
        workflows: s3.IBucket,
    ) -> None:
        super().__init__(scope, construct_id, stack_name=f"{config.name}-labeling")
        people = People(
            self,
            "People",
            name=config.name,
            keep=config.data.keep,
            require_mfa=config.labeling.require_mfa,
        )
        workbench = Workbench(
            self, "Workbench", images=images, key=key, keep=config.data.keep, pool=people.pool
        )
        functions = LabelingFunctions(
            self,
            "Functions",
            config=config,
            workbench=workbench,
            images=images,
            artifacts=artifacts,
            key=key,
            feature_group_name=feature_group_name,
        )
        self.workflow = self._workflow(config, functions, images, artifacts, key)
        functions.grant_machine(self.workflow.machine)
        RoundCloser(self, "RoundCloser", machine=self.workflow.machine, table=workbench.table, key=key)
        if config.labeling.start_at_images:
            ThresholdStart(
                self,
                "ThresholdStart",
                config=config,
                machine=self.workflow.machine,
                table=workbench.table,
                key=key,
            )
        Supervision(
            self,
            "Supervision",
            config=config,
            workbench=workbench,
            machine=self.workflow.machine,
            images=images,
            artifacts=artifacts,
            key=key,
        )
        watch = ImageWatch(
            self, "ImageWatch", models=config.detectors, table=workbench.table, images=images, key=key
        )
        pipeline = self._pipeline(config, WorkflowStore(workflows, key))
        operator = OperatorPolicy(
            self,
            "OperatorPolicy",
            machine=self.workflow.machine,
            artifacts=artifacts,
            key=key,
            reads=["labels/", "quarantine/"],
            may_start=True,
        )
        pipeline.grant_operate(operator)
        operator.start(watch.reconciliation)
        cdk.CfnOutput(self, "StateMachineArn", value=self.workflow.machine.state_machine_arn)
        cdk.CfnOutput(self, "LabelingPipeline", value=pipeline.pipeline_name)
        cdk.CfnOutput(self, "ApiUrl", value=workbench.api.url)
        client = self._page(config, people, workbench, images, key)
        cdk.CfnOutput(self, "UserPoolId", value=people.pool.user_pool_id)
        cdk.CfnOutput(self, "UserPoolClientId", value=client.user_pool_client_id)
        cdk.CfnOutput(self, "SignInUrl", value=people.sign_in_url)

    def _workflow(
        self,
        config: Edgeline,
        functions: LabelingFunctions,
        images: s3.IBucket,
        artifacts: s3.IBucket,
        key: kms.IKey,
    ) -> LabelingWorkflow | GroundTruthWorkflow:
        """The state machine of the configured backend; both write the same labels."""
        labeling = config.labeling
        if labeling.ground_truth is None:
            suggest = self._suggest(config, images, artifacts, key)
            return LabelingWorkflow(self, "Workflow", functions=functions, labeling=labeling, suggest=suggest)
        jobs = GroundTruthJobs(
            self,
            "GroundTruth",
            config=config,
            teams=labeling.ground_truth,
            images=images,
            artifacts=artifacts,
            key=key,
        )
        return GroundTruthWorkflow(self, "Workflow", functions=functions, jobs=jobs, labeling=labeling)

    def _suggest(
        self, config: Edgeline, images: s3.IBucket, artifacts: s3.IBucket, key: kms.IKey
    ) -> PythonFunction | None:
        if not suggests(config):
            return None
        return Suggestions(
            self, "Suggestions", config=config, images=images, artifacts=artifacts, key=key
        ).function

    def _page(
        self, config: Edgeline, people: People, workbench: Workbench, images: s3.IBucket, key: kms.IKey
    ) -> cognito.UserPoolClient:
        """The page, who comes to it, and what it shows them; the client that it signs them in with."""
        page = LabelingPage(self, "Page", api=workbench.api, images=images, sign_in_url=people.sign_in_url)
        client = people.come_to(page.url, name=config.name)
        workbench.accept_only(client)
        publisher = FolderPublisher(self, "Publisher")
        page.publish(
            publisher,
            settings={
                "name": config.name,
                "region": self.region,
                "sign_in": people.sign_in_url,
                "client_id": client.user_pool_client_id,
            },
        )
        DrawingGuide(self, "Guide", models=config.detectors, images=images, key=key, publisher=publisher)
        cdk.CfnOutput(self, "PageUrl", value=page.url)
        return client

    def _pipeline(self, config: Edgeline, store: WorkflowStore) -> WorkflowPipeline:
        """Starts an execution for each model and waits for it; several may wait for people side by side."""
        machine = self.workflow.machine
        sources = s3_assets.Asset(
            self,
            "Sources",
            path=str(_ROOT),
            exclude=["*", *(f"!{path}" for path in _SOURCES), "**/__pycache__"],
            ignore_mode=cdk.IgnoreMode.DOCKER,
        )
        definition = self.resolve(cast(sfn.CfnStateMachine, machine.node.default_child).definition_string)
        configured = [asdict(config.labeling), [[model.name, model.classes] for model in config.detectors]]
        return WorkflowPipeline(
            self,
            "Pipeline",
            name=labeling_pipeline_name(config),
            store=store,
            sources=sources,
            content=content_of(sources.asset_hash, definition, configured),
            actions=[
                RunMachine(model.output_suffix, machine=machine, input={"model": model.name})
                for model in config.detectors
            ],
            schedule=config.labeling.schedule,
            mode="PARALLEL",
        )
