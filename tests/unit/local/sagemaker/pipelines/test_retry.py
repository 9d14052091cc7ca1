from __future__ import annotations

from local.sagemaker.pipelines.retry import Retries, StepError, call_error_kinds, job_error_kinds


def test_a_policy_counts_its_own_tries_and_waits_longer_each_time() -> None:
    policy = {"ExceptionType": ["SageMaker.RESOURCE_LIMIT"], "IntervalSeconds": 3, "BackoffRate": 2.0}
    retries = Retries([{**policy, "MaxAttempts": 2}])
    error = StepError("no room", call_error_kinds("ResourceLimitExceeded", 400))
    assert [retries.wait_seconds(error) for _ in range(3)] == [3.0, 6.0, None]


def test_throttling_is_always_tried_again_and_a_crash_never() -> None:
    retries = Retries([])
    assert retries.wait_seconds(StepError("slow", call_error_kinds("ThrottlingException", 400))) == 1.0
    assert retries.wait_seconds(StepError("503", call_error_kinds("ServiceUnavailable", 503))) == 2.0
    assert (
        retries.wait_seconds(StepError("crash", job_error_kinds("AlgorithmError: x, exit code: 1"))) is None
    )


def test_an_expired_policy_does_not_count() -> None:
    policy = {"ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR"], "ExpireAfterMin": 0}
    retries = Retries([policy], started=float("-inf"))
    assert retries.wait_seconds(StepError("x", job_error_kinds("InternalServerError: x"))) is None
