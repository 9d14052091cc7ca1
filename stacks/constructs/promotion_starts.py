"""What starts the promotion's state machines: an approval, a rejection, an execution that was cut off."""

from collections.abc import Sequence

from aws_cdk import aws_events as events
from constructs import Construct

from stacks.constructs.on_event import OnEvent
from stacks.constructs.promotion_functions import MODELS_FILE, PromotionFunctions
from stacks.constructs.promotion_workflow import PromotionWorkflow
from stacks.constructs.python_function import PythonFunction
from stacks.constructs.tree_release import TreeRelease


class PromotionStarts(Construct):
    """A rule and a function for each; the functions put the execution in line before they start it.

    A model of a tree has the state machine of `trees`. `page_role` names the role that is believed who the
    person was that decided.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        workflow: PromotionWorkflow,
        trees: TreeRelease | None,
        functions: PromotionFunctions,
        groups: Sequence[str],
        page_role: str,
    ) -> None:
        super().__init__(scope, construct_id)
        self._workflow, self._functions, self._groups = workflow, functions, list(groups)
        self._machines = [workflow.machine, *([trees.machine] if trees else [])]
        self._tree_machine = trees.machine.state_machine_arn if trees else ""
        promote = self._starter("StartPromotion", "start_promotion", PAGE_ROLE=page_role)
        back = self._starter("StartRollback", "start_rollback", PAGE_ROLE=page_role)
        for function in (promote, back):
            functions.grant_describe_packages(function)
        recover = self._starter("StartRecovery", "start_recovery")
        OnEvent(self, "Approval", pattern=self._decision("Approved"), function=promote)
        OnEvent(self, "Rejection", pattern=self._decision("Rejected"), function=back)
        OnEvent(self, "CutOff", pattern=self._end_of_execution(), function=recover)

    def _starter(self, construct_id: str, module: str, **environment: str) -> PythonFunction:
        function = PythonFunction(
            self,
            construct_id,
            handler=f"lambdas.promotion.{module}.handler",
            environment={
                "STATE_MACHINE_ARN": self._workflow.machine.state_machine_arn,
                "TREE_STATE_MACHINE_ARN": self._tree_machine,
                "TURNS_TABLE": self._workflow.turns.table_name,
                "MODELS": MODELS_FILE,
                **environment,
            },
        )
        for machine in self._machines:
            machine.grant_start_execution(function)
        self._workflow.turns.grant_join(function)
        return function

    def _decision(self, status: str) -> events.EventPattern:
        return events.EventPattern(
            source=["aws.sagemaker"],
            detail_type=["SageMaker Model Package State Change"],
            detail={"ModelApprovalStatus": [status], "ModelPackageGroupName": self._groups},
        )

    def _end_of_execution(self) -> events.EventPattern:
        return events.EventPattern(
            source=["aws.states"],
            detail_type=["Step Functions Execution Status Change"],
            detail={
                "stateMachineArn": [machine.state_machine_arn for machine in self._machines],
                "status": ["ABORTED", "TIMED_OUT", "FAILED"],
            },
        )
