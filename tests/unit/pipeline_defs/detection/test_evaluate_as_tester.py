"""The evaluation through an endpoint, as the role that the endpoint's account wants."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from pipeline_defs.common import endpoint
from pipeline_defs.common.job import JobError

ROLE = "arn:aws:iam::222222222222:role/edgeline-staging-tester"


class Session:
    """A boto3 session that gives clients which say whose they are."""

    asked: list[dict[str, str]] = []  # noqa: RUF012 - of all sessions
    denied = False

    def __init__(self, *keys: str) -> None:
        self._whose = keys[2] if keys else "the job"

    def client(self, service: str, **_: Any) -> Any:
        return self if service == "sts" else (service, self._whose)

    def assume_role(self, **request: str) -> dict[str, Any]:
        if self.denied:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not trusted"}}, "AssumeRole")
        self.asked.append(request)
        role = request["RoleArn"]
        return {"Credentials": {"AccessKeyId": "a", "SecretAccessKey": "b", "SessionToken": role}}


@pytest.fixture(autouse=True)
def session(monkeypatch: pytest.MonkeyPatch) -> type[Session]:
    monkeypatch.setattr(Session, "asked", [])
    monkeypatch.setattr(Session, "denied", False)
    monkeypatch.setattr(boto3, "Session", Session)
    return Session


def test_the_endpoint_is_asked_as_the_role_in_the_jobs_name(session: type[Session]) -> None:
    assert endpoint.runtime_client(ROLE, "edgeline-tags-v3-0123", attempts=5) == ("sagemaker-runtime", ROLE)
    assert session.asked == [{"RoleArn": ROLE, "RoleSessionName": "edgeline-tags-v3-0123"}]


def test_without_a_role_the_job_asks_itself(session: type[Session]) -> None:
    assert endpoint.runtime_client(None, "evaluate", attempts=5) == ("sagemaker-runtime", "the job")
    assert session.asked == []


def test_a_role_that_does_not_trust_the_job_is_named(
    session: type[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "denied", True)
    with pytest.raises(JobError, match=f"the role {ROLE} cannot be had: .*not trusted"):
        endpoint.runtime_client(ROLE, "evaluate", attempts=5)
