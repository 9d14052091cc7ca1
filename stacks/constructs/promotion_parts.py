"""What the states of a promotion are made with, and the states that its ways have in common."""

from dataclasses import dataclass

from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from stacks.constructs.endpoint_change import PACKAGE, EndpointChange
from stacks.constructs.life_cycle import LifeCycle
from stacks.constructs.notices import Notices
from stacks.constructs.promotion_functions import PromotionFunctions
from stacks.constructs.release_ledger import ReleaseLedger
from stacks.constructs.states import EXECUTION, STARTED, call, fields
from stacks.constructs.turns import Turns


@dataclass(frozen=True)
class PromotionParts:
    """The functions, the two endpoints, and what keeps count of who is at them."""

    functions: PromotionFunctions
    staging: EndpointChange
    prod: EndpointChange
    turns: Turns
    ledger: ReleaseLedger
    life_cycle: LifeCycle
    notices: Notices

    @property
    def called(self) -> list[lambda_.Function]:
        """Every function that the states call."""
        others = (self.turns, self.ledger, self.life_cycle, self.notices)
        return [*self.functions.all, *(function for part in others for function in part.functions)]

    def read_package(self, scope: Construct, name: str, *, on_failure: sfn.IChainable) -> tasks.LambdaInvoke:
        """A state that reads the package anew and makes sure that it is what was approved, and still is."""
        payload = {
            **fields("model", "model_package_arn", "approved_by", "digest"),
            "execution": sfn.JsonPath.string_at(EXECUTION),
        }
        read = self.functions.read_model_package
        return call(scope, name, read, payload, "$.package", on_failure=on_failure)

    def check_artifacts(
        self, scope: Construct, name: str, *, on_failure: sfn.IChainable
    ) -> tasks.LambdaInvoke:
        """A state that hashes anew what the package was registered with."""
        check = self.functions.check_artifacts
        return call(scope, name, check, PACKAGE, "$.artifacts", on_failure=on_failure)

    def record(
        self,
        scope: Construct,
        name: str,
        *,
        execution: str = EXECUTION,
        started: str = STARTED,
        result_path: str = "$.release",
        on_failure: sfn.IChainable | None = None,
    ) -> tasks.LambdaInvoke:
        """A state that keeps the record of an execution, by default of this one."""
        payload = {
            "execution": sfn.JsonPath.string_at(execution),
            "started_at": sfn.JsonPath.string_at(started),
            "promotion": sfn.JsonPath.entire_payload,
        }
        return call(scope, name, self.functions.record_release, payload, result_path, on_failure=on_failure)
