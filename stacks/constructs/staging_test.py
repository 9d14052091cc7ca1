"""The test of the staging endpoint: the training's evaluation job, which asks the endpoint instead."""

from collections.abc import Mapping, Sequence

from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.constructs.evaluation_job import INPUT, OUTPUT, EvaluationJob
from stacks.grants import allow, read_objects, write_objects


class StagingTest(EvaluationJob):
    """A state that evaluates the model behind the staging endpoint, and holds the endpoint to its contract.

    The code, the test set, the training's own predictions and the container are those that the model package
    names. The job runs beside its data, in the tools account, and asks the endpoint as staging's tester: a
    role that another code than ours may have, since it can do nothing else.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        artifacts: s3.IBucket,
        key: kms.IKey,
        role_name: str,
        tester_role_arn: str,
        groups: Sequence[str],
        tags: Mapping[str, str],
    ) -> None:
        # As `staging_test` in lambdas/promotion/read_model_package.py has it.
        prefixes = [f"{group[:40].rstrip('-')}-v" for group in groups]
        super().__init__(scope, construct_id, job_prefixes=prefixes, tags=tags, role_name=role_name)
        read_objects(self.role, artifacts, key, "runs/*/test", "runs/*/dataset", "runs/*/evaluation", "code/")
        write_objects(self.role, artifacts, key, "releases/*/staging/")
        allow(self.role, "sts:AssumeRole", on=[tester_role_arn])
        self._key, self._tester_role_arn = key, tester_role_arn
        self.state = self.named("Test staging")

    def named(self, title: str) -> sfn.CustomState:
        """The state once more, for another state machine."""
        return self.task(
            title,
            key=self._key,
            arguments={"ContainerArguments.$": _arguments(self._tester_role_arn)},
            inputs=_INPUTS,
            name="$.package.test.job",
            image="$.package.image",
            entrypoint="$.package.test.entrypoint",
            instance="$.package.test.instance",
            results="$.package.test.results",
            result_path="$.staging_job",
        )


def _arguments(tester_role_arn: str) -> str:
    return (
        f"States.Array('--test', '{INPUT}/test', '--dataset', '{INPUT}/dataset',"
        f" '--evaluation', '{INPUT}/evaluation', '--output-dir', '{OUTPUT}',"
        # As JSON, since an argument is a string, and what has no component says null.
        " '--endpoint', $.staging.endpoint,"
        " '--component', States.JsonToString($.staging.component),"
        f" '--role', '{tester_role_arn}', '--session', $.package.test.job)"
    )


_INPUTS = {
    "code": "$.package.code",
    "test": "$.package.test_set",
    "dataset": "$.package.dataset",
    "evaluation": "$.package.test.evaluation",
}
