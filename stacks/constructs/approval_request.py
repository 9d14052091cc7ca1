"""From a package that waits for approval to a person who can judge it: comparison, page and notice.

In: {"model", "model_package_arn", "event_id"}, from start_approval_request.py.
"""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from stacks.constructs.comparison import Comparison
from stacks.constructs.on_event import OnEvent
from stacks.constructs.promotion_functions import MODELS_FILE, PromotionFunctions
from stacks.constructs.python_function import PythonFunction
from stacks.constructs.states import EXECUTION, call, fields
from stacks.constructs.workflow import Workflow
from stacks.grants import allow, read_objects

_REQUEST = {"execution": sfn.JsonPath.string_at(EXECUTION), "request": sfn.JsonPath.entire_payload}
_DOCUMENTS = ("runs/*/evaluation/", "runs/*/dataset/", "runs/*/test", "releases/*/comparison/")


class ApprovalRequest(Construct):
    """The state machine `{name}-approval-request`: whatever fails on the way, somebody is asked or told."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        groups: Sequence[str],
        functions: PromotionFunctions,
        artifacts: s3.IBucket,
        key: kms.IKey,
        topic: sns.ITopic,
        tags: Mapping[str, str],
    ) -> None:
        super().__init__(scope, construct_id)
        self._functions, self._topic = functions, topic
        # As `job_prefix` in lambdas/promotion/plan_comparison.py has it.
        prefixes = [f"{group[:40].rstrip('-')}-compare-" for group in groups]
        self._comparison = Comparison(
            self, "Comparison", artifacts=artifacts, key=key, job_prefixes=prefixes, tags=tags
        )
        bucket = {"ARTIFACTS_BUCKET": artifacts.bucket_name}
        self._plan = self._function("PlanComparison", {"MODELS": MODELS_FILE, **bucket})
        functions.grant_describe_packages(self._plan)
        self._write = self._function("WriteApprovalPage", bucket, timeout_seconds=120, memory_mb=512)
        read_objects(self._write, artifacts, key, *_DOCUMENTS, "releases/*/approval")
        pages = [artifacts.arn_for_objects("releases/*/approval*.html")]
        allow(self._write, "s3:PutObject", on=pages, because="one page a request")
        allow(self._write, "kms:GenerateDataKey", on=[key.key_arn])
        self.machine = Workflow(
            self,
            "StateMachine",
            name=f"{name}-approval-request",
            start=self._states(),
            timeout=cdk.Duration.hours(6),
            functions=[functions.read_endpoint, self._plan, self._write],
        )
        self._comparison.grant_run(self.machine.role)
        self._start(groups)
        cdk.CfnOutput(cdk.Stack.of(self), "ApprovalRequestArn", value=self.machine.state_machine_arn)

    def _states(self) -> sfn.IChainable:
        told = self._tell()
        write = call(self, "Write approval page", self._write, _REQUEST, "$.page", on_failure=told)
        write.next(self._ask(told))
        self._comparison.state.add_catch(write, result_path="$.failure")
        self._comparison.state.next(write)
        compare = sfn.Choice(self, "Anything to compare with?")
        compare.when(sfn.Condition.boolean_equals("$.plan.compare", True), self._comparison.state)
        compare.otherwise(write)
        plan = call(self, "Plan comparison", self._plan, _REQUEST, "$.plan", on_failure=told)
        plan.next(compare)
        read = call(
            self,
            "Read prod",
            self._functions.read_endpoint,
            {**fields("model"), "environment": "prod", "execution": sfn.JsonPath.string_at(EXECUTION)},
            "$.prod",
            on_failure=plan,
            wait_on=["EndpointBusy"],
        )
        return read.next(plan)

    def _ask(self, on_failure: sfn.IChainable) -> sfn.IChainable:
        ask = self._publish(
            "Ask for approval",
            subject=sfn.JsonPath.string_at("$.page.subject"),
            message=sfn.JsonPath.string_at("$.page.message"),
        )
        ask.add_catch(on_failure, result_path="$.failure")
        return ask.next(sfn.Succeed(self, "Asked"))

    def _tell(self) -> sfn.IChainable:
        """Without a page there is still a package that waits."""
        said = "{} waits for approval, and no page could be made for it: {}"
        tell = self._publish(
            "Tell that there is no page",
            subject="A model waits for approval, without a page",
            message=sfn.JsonPath.format(
                said, sfn.JsonPath.string_at("$.model_package_arn"), sfn.JsonPath.string_at("$.failure.Cause")
            ),
        )
        failed = sfn.Fail(
            self,
            "Request failed",
            error_path=sfn.JsonPath.string_at("$.failure.Error"),
            cause_path=sfn.JsonPath.string_at("$.failure.Cause"),
        )
        tell.add_catch(failed, result_path=sfn.JsonPath.DISCARD)
        return tell.next(failed)

    def _publish(self, title: str, *, subject: str, message: str) -> tasks.SnsPublish:
        state = tasks.SnsPublish(
            self,
            title,
            topic=self._topic,
            subject=subject,
            message=sfn.TaskInput.from_text(message),
            result_path=sfn.JsonPath.DISCARD,
            task_timeout=sfn.Timeout.duration(cdk.Duration.seconds(60)),
        )
        state.add_retry(interval=cdk.Duration.seconds(5), max_attempts=6, backoff_rate=2)
        return state

    def _start(self, groups: Sequence[str]) -> None:
        start = self._function(
            "StartApprovalRequest",
            {"STATE_MACHINE_ARN": self.machine.state_machine_arn, "MODELS": MODELS_FILE},
        )
        self.machine.grant_start_execution(start)
        detail = {
            "ModelApprovalStatus": ["PendingManualApproval"],
            "ModelPackageGroupName": list(groups),
        }
        pattern = events.EventPattern(
            source=["aws.sagemaker"], detail_type=["SageMaker Model Package State Change"], detail=detail
        )
        OnEvent(self, "Waiting", pattern=pattern, function=start)

    def _function(
        self, name: str, environment: Mapping[str, str], *, timeout_seconds: int = 30, memory_mb: int = 256
    ) -> PythonFunction:
        module = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
        return PythonFunction(
            self,
            name,
            handler=f"lambdas.promotion.{module}.handler",
            environment=environment,
            timeout_seconds=timeout_seconds,
            memory_mb=memory_mb,
        )
