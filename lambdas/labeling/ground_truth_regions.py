"""AWS's own functions before and after a Ground Truth task, of which every region has its account.

Source: the API reference of CreateLabelingJob (PreHumanTaskLambdaArn, AnnotationConsolidationLambdaArn), as
botocore 1.43.106 carries it, read on 2026-11-21; tests/unit/lambdas/labeling/test_labeling_jobs.py holds the
table against the botocore that is installed. AWS adds no features to Ground Truth any more.
"""

from collections.abc import Mapping
from types import MappingProxyType

ACCOUNTS: Mapping[str, str] = MappingProxyType(
    {
        "ap-northeast-1": "477331159723",
        "ap-northeast-2": "845288260483",
        "ap-south-1": "565803892007",
        "ap-southeast-1": "377565633583",
        "ap-southeast-2": "454466003867",
        "ca-central-1": "918755190332",
        "eu-central-1": "203001061592",
        "eu-west-1": "568282634449",
        "eu-west-2": "487402164563",
        "us-east-1": "432418664414",
        "us-east-2": "266458841044",
        "us-west-2": "081040173940",
    }
)
_TASKS = {"label": "BoundingBox", "verify": "VerificationBoundingBox"}


class NoGroundTruth(Exception):  # noqa: N818 - the state machine ends by this name
    """The region has no Ground Truth."""


def functions(region: str, kind: str) -> tuple[str, str]:
    """The ARNs of the functions before and after a task of a kind, `label` or `verify`."""
    if region not in ACCOUNTS:
        raise NoGroundTruth(
            f"Ground Truth has no functions in {region}, only in {', '.join(ACCOUNTS)}: set "
            'backend = "workbench" in edgeline.toml, or deploy to one of these'
        )
    base = f"arn:aws:lambda:{region}:{ACCOUNTS[region]}:function"
    return f"{base}:PRE-{_TASKS[kind]}", f"{base}:ACS-{_TASKS[kind]}"
