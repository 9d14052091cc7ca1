"""From a promotion to the devices: component, staging devices, their health, prod devices."""

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from config import Edgeline
from stacks.constructs.device_access import DeviceGroup, TokenExchange
from stacks.constructs.fleet_rollout import FleetRollout, prod_wave, staging_wave
from stacks.constructs.inspector_component import InspectorComponent
from stacks.constructs.on_event import OnEvent
from stacks.constructs.operator_policy import OperatorPolicy
from stacks.constructs.python_function import PythonFunction
from stacks.constructs.rollout_functions import RolloutFunctions
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
    ) -> None:
        super().__init__(scope, construct_id, stack_name=f"{config.name}-edge")
        fleet = config.fleet
        inspector = InspectorComponent(self, "Inspector", config=config, images=images, artifacts=artifacts)
        exchange = TokenExchange(
            self,
            "TokenExchange",
            config=config,
            images=images,
            artifacts=artifacts,
            key=key,
            inspector=inspector,
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
        operator = OperatorPolicy(
            self, "OperatorPolicy", machine=rollout.machine, artifacts=artifacts, key=key, reads=["edge/"]
        )
        read_objects(operator, images, key, f"images/{fleet.model}/returned/")
        self._output("StateMachineArn", rollout.machine.state_machine_arn)
        self._output("StagingThingGroup", fleet.staging_group)
        self._output("ProdThingGroup", fleet.prod_group)
        self._output("RoleAlias", exchange.alias.ref)
        self._output("TokenExchangeRoleArn", exchange.role.role_arn)
        self._output("StagingIotPolicy", staging.policy_name)
        self._output("ProdIotPolicy", prod.policy_name)
        self._output("InspectorVersion", inspector.version)

    def _start_on_promotion(self, config: Edgeline, rollout: FleetRollout) -> None:
        start = PythonFunction(
            self,
            "StartRollout",
            handler="lambdas.edge.start_rollout.handler",
            environment={
                "STATE_MACHINE_ARN": rollout.machine.state_machine_arn,
                "TURNS_TABLE": rollout.turns.table_name,
            },
        )
        rollout.machine.grant_start_execution(start)
        rollout.turns.grant_join(start)
        promoted = events.EventPattern(
            source=[config.name], detail_type=["Model Promoted"], detail={"model": [config.fleet.model]}
        )
        OnEvent(self, "Promotion", pattern=promoted, function=start)

    def _output(self, key: str, value: str) -> None:
        cdk.CfnOutput(self, key, value=value)
