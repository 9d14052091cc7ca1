"""From a promotion, or a published inspector, to the devices: component, staging devices, prod devices."""

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from config import Edgeline
from stacks.constructs.auditor_policy import AuditorPolicy
from stacks.constructs.device_access import DeviceGroup, TokenExchange
from stacks.constructs.fleet_rollout import FleetRollout
from stacks.constructs.inspector_build import PUBLISHED, InspectorBuild
from stacks.constructs.inspector_component import InspectorComponent
from stacks.constructs.on_event import OnEvent
from stacks.constructs.operator_policy import OperatorPolicy
from stacks.constructs.python_function import PythonFunction
from stacks.constructs.rollout_functions import RolloutFunctions
from stacks.constructs.teardown import Teardown
from stacks.constructs.waves import prod_wave, staging_wave
from stacks.constructs.workflow_pipeline import (
    WorkflowPipeline,
    WorkflowStore,
    content_of,
    inspector_pipeline_name,
)
from stacks.grants import read_objects


class EdgeStack(cdk.Stack):
    """The fleet: what its devices may do, what they run, and how a promoted model comes to them."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Edgeline,
        images: s3.IBucket,
        artifacts: s3.IBucket,
        key: kms.IKey,
        workflows: s3.IBucket,
    ) -> None:
        super().__init__(scope, construct_id, stack_name=f"{config.name}-edge")
        fleet = config.fleet
        inspector = InspectorComponent(self, "Inspector", config=config)
        build = InspectorBuild(
            self,
            "InspectorBuild",
            config=config,
            inspector=inspector,
            images=images,
            artifacts=artifacts,
            key=key,
        )
        workflow = WorkflowPipeline(
            self,
            "Workflow",
            name=inspector_pipeline_name(config),
            store=WorkflowStore(workflows, key),
            sources=build.sources,
            content=content_of(build.sources.asset_hash, inspector.content),
            actions=[build.publish()],
        )
        exchange = TokenExchange(
            self, "TokenExchange", config=config, images=images, artifacts=artifacts, key=key
        )
        staging = DeviceGroup(self, "Staging", name=fleet.staging_group, alias=exchange.alias)
        prod = DeviceGroup(self, "Prod", name=fleet.prod_group, alias=exchange.alias)
        functions = RolloutFunctions(
            self,
            "Functions",
            config=config,
            artifacts=artifacts,
            key=key,
            inspector=inspector,
            inspector_pipeline=workflow.pipeline_name,
            group_arns=[staging.arn, prod.arn],
        )
        rollout = FleetRollout(
            self,
            "Rollout",
            functions=functions,
            staging=staging_wave(staging.arn),
            prod=prod_wave(prod.arn),
            timeout_minutes=fleet.health_timeout_minutes,
        )
        self._start_on_promotion(config, rollout)
        Teardown.of_fleet(
            self,
            thing_groups=[staging.arn, prod.arn],
            component_prefix=f"com.{config.name}.",
            policies=[staging.policy_name, prod.policy_name],
        )
        self._start_on_publication(config, rollout, inspector)
        operator = OperatorPolicy(
            self, "OperatorPolicy", machine=rollout.machine, artifacts=artifacts, key=key, reads=["edge/"]
        )
        read_objects(operator, images, key, f"images/{fleet.model}/returned/")
        workflow.grant_operate(operator)
        AuditorPolicy.of_fleet(self, component_prefix=f"com.{config.name}.")
        self._output("StateMachineArn", rollout.machine.state_machine_arn)
        self._output("StagingThingGroup", fleet.staging_group)
        self._output("ProdThingGroup", fleet.prod_group)
        self._output("RoleAlias", exchange.alias.ref)
        self._output("TokenExchangeRoleArn", exchange.role.role_arn)
        self._output("StagingIotPolicy", staging.policy_name)
        self._output("ProdIotPolicy", prod.policy_name)
        self._output("InspectorVersion", inspector.version)
        self._output("InspectorPipeline", workflow.pipeline_name)

    def _start_on_promotion(self, config: Edgeline, rollout: FleetRollout) -> None:
        start = self._starter("StartRollout", "start_rollout", rollout)
        promoted = events.EventPattern(
            source=[config.name], detail_type=["Model Promoted"], detail={"model": [config.fleet.model]}
        )
        OnEvent(self, "Promotion", pattern=promoted, function=start)

    def _start_on_publication(
        self, config: Edgeline, rollout: FleetRollout, inspector: InspectorComponent
    ) -> None:
        start = self._starter(
            "StartInspectorRollout", "start_inspector_rollout", rollout, {"MODEL": config.fleet.model}
        )
        rollout.turns.grant_look(start)
        published = events.EventPattern(
            source=[config.name], detail_type=[PUBLISHED], detail={"component": [inspector.component_name]}
        )
        OnEvent(self, "Publication", pattern=published, function=start)

    def _starter(
        self, construct_id: str, name: str, rollout: FleetRollout, more: Mapping[str, str] | None = None
    ) -> PythonFunction:
        start = PythonFunction(
            self,
            construct_id,
            handler=f"lambdas.edge.{name}.handler",
            environment={
                "STATE_MACHINE_ARN": rollout.machine.state_machine_arn,
                "TURNS_TABLE": rollout.turns.table_name,
                **(more or {}),
            },
        )
        rollout.machine.grant_start_execution(start)
        rollout.turns.grant_join(start)
        return start

    def _output(self, key: str, value: str) -> None:
        cdk.CfnOutput(self, key, value=value)
