"""Credentials of many executions at once."""

import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local.cloud.server import LocalCloud
from local.cloud.touchpoints import module


@pytest.fixture
def restless_threads() -> Iterator[None]:
    """Let threads give way as often as on a machine that is busy enough."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("restless_threads")
def test_sessions_are_registered_from_many_threads_at_once(cloud: LocalCloud) -> None:
    iam, name = cloud.root_session().client("iam"), f"many-{uuid.uuid4().hex[:8]}"
    trust = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",'
    trust += ' "Principal": {"Service": "states.amazonaws.com"}}]}'
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    failures: list[Exception] = []

    def assume_as_a_service(number: int) -> None:
        cloud.service_credentials(role, "states.amazonaws.com", f"session-{number}")

    def assume_as_ministack_does(number: int) -> None:
        module("services.sts").register_session(f"ASIA{uuid.uuid4().hex[:16]}", {"Arn": role})

    def assume(once: Callable[[int], None]) -> None:
        try:
            for number in range(100):
                once(number)
        except RuntimeError as failure:
            failures.append(failure)

    ways = [assume_as_a_service, assume_as_ministack_does] * 4
    threads: list[Any] = [threading.Thread(target=assume, args=(once,)) for once in ways]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
