"""The state machine of a labeling execution whose people are Ground Truth's: two jobs a round.

In:  {"model": "tags"}
Out: lambdas/labeling/write_labels.py says what comes out.

Step Functions waits for a job's end by an event, not by asking, so that an execution's history has the same
length however long a job takes. A job that fails, is stopped or runs out of time goes on as far as it came:
what succeeded is taken, the rest has another round. What SageMaker does not take at all ends the execution.
"""

import aws_cdk as cdk
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from config_labeling import Labeling
from stacks.constructs.ground_truth_jobs import GroundTruthJobs
from stacks.constructs.labeling_functions import LabelingFunctions
from stacks.constructs.labeling_states import EXECUTION, STATE, SUGGESTIONS, call, failed, found
from stacks.constructs.workflow import Workflow

_FOUND = found(not_suggested="Ground Truth is given no suggestions")
_REQUEST = (
    "LabelingJobName", "LabelAttributeName", "InputConfig", "OutputConfig", "RoleArn",
    "LabelCategoryConfigS3Uri", "HumanTaskConfig", "Tags",
)  # fmt: skip
_PASSES = ("SageMaker.ThrottlingException", "ThrottlingException", "SageMaker.ResourceLimitExceededException")
# What Step Functions calls all that SageMaker's API does not name, by its integration or by the SDK's.
_UNNAMED = ("SageMaker.AmazonSageMakerException", "SageMaker.SageMakerException")
_REFUSED = (*_UNNAMED, "States.Permissions", *_PASSES)
_GRACE = cdk.Duration.hours(1)  # for tasks that were accepted in the last minute, and consolidation


class GroundTruthWorkflow(Construct):
    """The state machine over the labeling functions and Ground Truth's jobs, `machine`."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        functions: LabelingFunctions,
        jobs: GroundTruthJobs,
        labeling: Labeling,
    ) -> None:
        super().__init__(scope, construct_id)
        self._jobs = jobs
        self._job_timeout = cdk.Duration.hours(labeling.round_timeout_hours).plus(_GRACE)
        asked = {
            **EXECUTION, "model": sfn.JsonPath.string_at("$.model"), "limit": labeling.round_size,
        }  # fmt: skip
        find = call(self, "Find images without a label", functions.find, asked, result_selector=_FOUND)
        collect = call(self, "Collect jobs", jobs.collect, STATE)
        collect.add_retry(
            errors=["JobNotOver"], interval=cdk.Duration.minutes(1), backoff_rate=1, max_attempts=60
        )
        write = call(self, "Write labels", functions.write, {**STATE, **SUGGESTIONS}, result_path="$.result")
        verify = self._job("verify", "Verify", "Anything to verify?", then=collect)
        label = self._job("label", "Label", "Anything to draw?", then=verify)
        some = sfn.Condition.number_greater_than("$.count", 0)
        find.next(sfn.Choice(self, "Anything to label?").when(some, label).otherwise(write))
        collect.next(write)
        left = sfn.Choice(self, "Anything left?").when(some, label)
        write.next(left.otherwise(sfn.Succeed(self, "Done", output_path="$.result")))
        for state in (find, collect, write):
            state.add_catch(failed(self, state.node.id), result_path="$.error")
        self.machine = Workflow(
            self,
            "StateMachine",
            start=find,
            timeout=cdk.Duration.hours(2 * labeling.max_rounds * (labeling.round_timeout_hours + 2) + 24),
            functions=[functions.find, functions.write, jobs.prepare, jobs.collect],
        )
        jobs.grant_run(self.machine.role)

    def _job(self, kind: str, name: str, question: str, *, then: sfn.IChainable) -> tasks.LambdaInvoke:
        """States that prepare a job, make it if there is anything to ask, wait for its end and go on."""
        prepare = call(
            self, f"Prepare: {name}", self._jobs.prepare, {"kind": kind, **STATE}, result_path=f"$.{kind}"
        )
        prepare.add_catch(failed(self, prepare.node.id), result_path="$.error")
        job = sfn.CustomState(
            self,
            name,
            state_json={
                "Type": "Task",
                "Resource": f"arn:{cdk.Aws.PARTITION}:states:::sagemaker:createLabelingJob.sync",
                "Parameters": {f"{member}.$": f"$.{kind}.request.{member}" for member in _REQUEST},
                "ResultSelector": {"job.$": "$.LabelingJobArn"},
                "ResultPath": f"$.{kind}.job",
                "TimeoutSeconds": self._job_timeout.to_seconds(),
            },
        )
        job.add_retry(errors=list(_PASSES), interval=cdk.Duration.seconds(30), backoff_rate=2, max_attempts=5)
        stop = self._stop(kind, name)
        job.add_catch(stop, errors=["States.Timeout"], result_path=sfn.JsonPath.DISCARD)
        job.add_catch(failed(self, name), errors=list(_REFUSED), result_path="$.error")
        # The job failed or was stopped; what it came to is read all the same.
        job.add_catch(then, errors=["States.TaskFailed"], result_path=sfn.JsonPath.DISCARD)
        some = sfn.Condition.number_greater_than(f"$.{kind}.count", 0)
        prepare.next(sfn.Choice(self, question).when(some, job).otherwise(then))
        job.next(then)
        stop.add_catch(then, result_path=sfn.JsonPath.DISCARD)  # it has ended meanwhile
        stop.next(then)
        return prepare

    def _stop(self, kind: str, name: str) -> tasks.CallAwsService:
        """Ask no more: Ground Truth writes what its workers have answered so far."""
        state = tasks.CallAwsService(
            self,
            f"Stop: {name}",
            service="sagemaker",
            action="stopLabelingJob",
            parameters={"LabelingJobName": sfn.JsonPath.string_at(f"$.{kind}.request.LabelingJobName")},
            iam_resources=[self._jobs.arn],
            result_path=sfn.JsonPath.DISCARD,
            task_timeout=sfn.Timeout.duration(cdk.Duration.minutes(1)),
        )
        state.add_retry(interval=cdk.Duration.seconds(5), max_attempts=3)
        return state
