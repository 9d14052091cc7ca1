"""The real awsiotsdk client against the local nucleus' IPC."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from awsiot.greengrasscoreipc import connect
from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2
from awsiot.greengrasscoreipc.model import (
    QOS,
    InvalidArgumentsError,
    JsonMessage,
    PublishMessage,
    ResourceNotFoundError,
    ServiceError,
    UnauthorizedError,
)

from edge.inspector.greengrass import Nucleus
from local.greengrass.ipc import IpcServer
from local.greengrass.recipe import merge

Client = GreengrassCoreIPCClientV2


class FakeComponent:
    name, version = "com.x.inspector", "1.0.0"

    def __init__(self) -> None:
        self.states: list[str] = []
        self.configuration: dict[str, Any] = {
            "threshold": "0.5",
            "a": {"b": 1},
            "accessControl": {
                "aws.greengrass.ipc.mqttproxy": {
                    "one": {"operations": ["aws.greengrass#PublishToIoTCore"], "resources": ["edgeline/*"]}
                },
                "aws.greengrass.ipc.pubsub": {"one": {"operations": ["*"], "resources": ["here"]}},
            },
        }

    def connected(self) -> None:
        self.states.append("connected")

    def report_state(self, state: str) -> None:
        self.states.append(state)

    def update_configuration(self, pointer: list[str], value: dict[str, Any]) -> None:
        change = value
        for key in reversed(pointer):
            change = {key: change}
        self.configuration = merge(self.configuration, change)


class Ipc:
    def __init__(self, directory: Path) -> None:
        self.component, self.published = FakeComponent(), list[tuple[str, bytes, int]]()
        self.fail = False
        self.server = IpcServer(
            directory / "ipc.socket", lambda token: self.component if token == "t" else None, self.publish
        )

    def publish(self, topic: str, payload: bytes, qos: int) -> None:
        if self.fail:
            raise OSError("offline")
        self.published.append((topic, payload, qos))


@pytest.fixture
def ipc(tmp_path: Path) -> Iterator[Ipc]:
    made = Ipc(tmp_path)
    yield made
    made.server.close()


@pytest.fixture
def client(ipc: Ipc) -> Iterator[Client]:
    made = Client(client=connect(ipc_socket=str(ipc.server.path), authtoken="t"))
    yield made
    made.close()


def test_configuration_is_read_whole_and_by_key(client: Client) -> None:
    assert client.get_configuration().value["threshold"] == "0.5"
    assert client.get_configuration(key_path=["a"]).value == {"b": 1}
    assert client.get_configuration(key_path=["a", "b"]).value == {"b": 1}
    with pytest.raises(ResourceNotFoundError):
        client.get_configuration(key_path=["none"])


def test_publishing_is_held_to_the_access_control(ipc: Ipc, client: Client) -> None:
    client.publish_to_iot_core(topic_name="edgeline/press/health", qos=QOS.AT_LEAST_ONCE, payload=b"hi")
    assert ipc.published == [("edgeline/press/health", b"hi", 1)]
    with pytest.raises(UnauthorizedError):
        client.publish_to_iot_core(topic_name="elsewhere", qos=QOS.AT_LEAST_ONCE, payload=b"hi")
    ipc.fail = True
    with pytest.raises(ServiceError):
        client.publish_to_iot_core(topic_name="edgeline/x", qos=QOS.AT_MOST_ONCE, payload=b"hi")


def test_local_topics_reach_their_subscribers(client: Client) -> None:
    heard = threading.Event()
    client.subscribe_to_topic(topic="here", on_stream_event=lambda event: heard.set())
    client.publish_to_topic(
        topic="here", publish_message=PublishMessage(json_message=JsonMessage(message={"k": 1}))
    )
    assert heard.wait(10)
    with pytest.raises(UnauthorizedError):
        client.subscribe_to_topic(topic="there", on_stream_event=lambda event: None)


def test_a_state_is_one_of_two(ipc: Ipc, client: Client) -> None:
    client.update_state(state="RUNNING")
    assert ipc.component.states[-1] == "RUNNING"
    with pytest.raises(InvalidArgumentsError):
        client.update_state(state="FINE")


def test_a_component_may_change_its_own_configuration(ipc: Ipc, client: Client) -> None:
    client.update_configuration(key_path=["a"], value_to_merge={"b": 2})
    assert ipc.component.configuration["a"] == {"b": 2}


def test_other_operations_are_refused_by_name(client: Client) -> None:
    with pytest.raises(ServiceError) as caught:
        client.list_components()
    assert "ListComponents" in caught.value.message


def test_a_stranger_is_not_let_in(ipc: Ipc) -> None:
    with pytest.raises(Exception, match="AccessDenied"):
        connect(ipc_socket=str(ipc.server.path), authtoken="guess")


def test_the_inspectors_own_side_of_it(ipc: Ipc, client: Client) -> None:
    log: list[str] = []
    nucleus = Nucleus(client, log.append)
    assert nucleus.configuration()["threshold"] == "0.5"
    changed = threading.Event()
    nucleus.on_configuration_update(changed.set)
    nucleus.running()
    nucleus.errored()
    assert ipc.component.states[-2:] == ["RUNNING", "ERRORED"]
    nucleus.heartbeat("press", {"inferences": 1})
    assert ipc.published[0][:2] == ("edgeline/press/health", b'{"inferences": 1}')
    assert ipc.server.configuration_changed("com.x.inspector", ["threshold"])
    assert changed.wait(10)
    ipc.component.configuration = {}
    nucleus.heartbeat("press", {})
    assert "UnauthorizedError" in log[0]


def test_nobody_is_told_who_did_not_ask(ipc: Ipc) -> None:
    tell: Callable[..., bool] = ipc.server.configuration_changed
    assert not tell("com.x.inspector", ["threshold"])
