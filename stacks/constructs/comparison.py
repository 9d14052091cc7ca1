"""The evaluation of the model in prod on the test set of a package that waits for approval."""

from collections.abc import Mapping, Sequence

from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.constructs.evaluation_job import INPUT, OUTPUT, EvaluationJob
from stacks.grants import read_objects, write_objects

_AT = "$.plan.comparison"
_READS = ("runs/*/test", "runs/*/dataset", "runs/*/model.tar.gz", "code/")
_FOLDERS = {"model-dir": "model", "test": "test_set", "dataset": "dataset"}


class Comparison(EvaluationJob):
    """A state that evaluates a model from its file, as `plan_comparison` says at `$.plan.comparison`.

    The code is that of the package that waits, which nobody has approved: its role reads models, data sets
    and code, writes comparisons, and can do nothing else.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        artifacts: s3.IBucket,
        key: kms.IKey,
        job_prefixes: Sequence[str],
        tags: Mapping[str, str],
    ) -> None:
        super().__init__(scope, construct_id, job_prefixes=job_prefixes, tags=tags)
        read_objects(self.role, artifacts, key, *_READS)
        write_objects(self.role, artifacts, key, "releases/*/comparison/")
        arguments = [f"--{name}={INPUT}/{folder}" for name, folder in _FOLDERS.items()]
        self.state = self.task(
            "Evaluate prod's model",
            key=key,
            arguments={"ContainerArguments": [*arguments, f"--output-dir={OUTPUT}"]},
            inputs={name: f"{_AT}.{name}" for name in ("code", "model", "test_set", "dataset")},
            name=f"{_AT}.job",
            image=f"{_AT}.image",
            entrypoint=f"{_AT}.entrypoint",
            instance=f"{_AT}.instance",
            results=f"{_AT}.results",
            result_path="$.compared",
        )
