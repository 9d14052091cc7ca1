"""From an approval to the endpoints: the approved model package goes to staging, its test, and prod."""

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from config import Edgeline
from stacks.accounts import ToolsAccount, WorkloadAccount, environments
from stacks.constructs.approval_request import ApprovalRequest
from stacks.constructs.auditor_policy import AuditorPolicy
from stacks.constructs.life_cycle import LifeCycle
from stacks.constructs.notices import Notices
from stacks.constructs.operator_policy import OperatorPolicy
from stacks.constructs.promotion_functions import MODELS_FILE, PromotionFunctions, configured_models
from stacks.constructs.promotion_starts import PromotionStarts
from stacks.constructs.promotion_workflow import PromotionWorkflow
from stacks.constructs.python_function import pack_with_functions
from stacks.constructs.release_ledger import ReleaseLedger
from stacks.constructs.staging_test import StagingTest
from stacks.constructs.tree_release import TreeRelease, release_time
from stacks.cost_tags import cost_tags
from stacks.grants import read_objects
from stacks.names import packages_role_name


class PromotionStack(cdk.Stack):
    """An approval's own model package, and no other, on its way to staging and prod."""

    def __init__(
        self, scope: Construct, construct_id: str, *, config: Edgeline, artifacts: s3.IBucket, key: kms.IKey
    ) -> None:
        super().__init__(scope, construct_id, stack_name=f"{config.name}-promotion")
        groups = [f"{config.name}-{model.name}" for model in config.models]
        pack_with_functions(self, "promotion", {MODELS_FILE: configured_models(config)})
        functions = PromotionFunctions(
            self,
            "Functions",
            config=config,
            artifacts=artifacts,
            key=key,
        )
        staging = WorkloadAccount(config, "staging")
        staging_test = StagingTest(
            self,
            "StagingTest",
            artifacts=artifacts,
            key=key,
            role_name=ToolsAccount(config).staging_test_role_name,
            tester_role_arn=staging.role_arn(staging.tester_role_name),
            groups=groups,
            tags=cost_tags(config.name, environment="tools", part="promotion"),
        )
        packages = [ToolsAccount(config).model_packages(model) for model in config.models]
        self.notices = Notices(self, "Notices", key=key, email=config.promotion.email)
        ledger = ReleaseLedger(
            self,
            "Ledger",
            keep=config.data.keep,
            grant_describe_packages=functions.grant_describe_packages,
        )
        workflow = PromotionWorkflow(
            self,
            "Workflow",
            functions=functions,
            staging_test=staging_test,
            ledger=ledger,
            life_cycle=LifeCycle(self, "LifeCycle", packages=packages),
            notices=self.notices,
            event_source=config.name,
            lease=release_time(config.trees),
        )
        trees = self._trees(config, workflow, staging_test, artifacts, key) if config.trees else None
        read_objects(functions.read_model_package, artifacts, key, "runs/*/evaluation/")
        PromotionStarts(
            self,
            "Starts",
            workflow=workflow,
            trees=trees,
            functions=functions,
            groups=groups,
            page_role=packages_role_name(config),
        )
        requests = ApprovalRequest(
            self,
            "ApprovalRequest",
            name=config.name,
            groups=groups,
            functions=functions,
            artifacts=artifacts,
            key=key,
            topic=self.notices.topic,
            tags=cost_tags(config.name, environment="tools", part="promotion"),
        )
        self.notices.grant_publish(requests.machine.role)
        operator = OperatorPolicy(
            self,
            "OperatorPolicy",
            machine=workflow.machine,
            artifacts=artifacts,
            key=key,
            reads=["releases/"],
        )
        operator.follow(requests.machine)
        if trees:
            operator.follow(trees.machine)
        AuditorPolicy.of_promotion(self, config=config, ledger=ledger.table.table_arn)
        self._outputs(config, workflow, ledger)

    def _trees(
        self,
        config: Edgeline,
        workflow: PromotionWorkflow,
        staging_test: StagingTest,
        artifacts: s3.IBucket,
        key: kms.IKey,
    ) -> TreeRelease:
        """What releases parents and children, with the same functions, turns, ledger and notices."""
        trees = TreeRelease(
            self,
            "TreeRelease",
            parts=workflow.parts,
            staging_test=staging_test,
            artifacts=artifacts,
            key=key,
            event_source=config.name,
            timeout=release_time(config.trees),
        )
        cdk.CfnOutput(self, "TreeStateMachineArn", value=trees.machine.state_machine_arn)
        return trees

    def _outputs(self, config: Edgeline, workflow: PromotionWorkflow, ledger: ReleaseLedger) -> None:
        cdk.CfnOutput(self, "ReleasesTable", value=ledger.table.table_name)
        cdk.CfnOutput(self, "StateMachineArn", value=workflow.machine.state_machine_arn)
        for model in config.models:
            staging, prod = (workload.endpoint_name(model) for workload in environments(config))
            cdk.CfnOutput(self, f"StagingEndpoint{model.output_suffix}", value=staging)
            cdk.CfnOutput(self, f"ProdEndpoint{model.output_suffix}", value=prod)
            for workload in environments(config):
                if component := workload.component_name(model):
                    key = f"{workload.environment.capitalize()}Component{model.output_suffix}"
                    cdk.CfnOutput(self, key, value=component)
