from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.sagemaker import runtime
from local.sagemaker.hosting.instance import Instance, Reply

CODE = """
import pathlib, time

def model_fn(model_dir):
    return None

def input_fn(body, content_type):
    return bytes(body).decode()

def predict_fn(text, model):
    if text.startswith("/"):
        pathlib.Path(text).touch()
        time.sleep(60)
    return text

def output_fn(prediction, accept):
    return prediction[:1], "text/plain"
"""
MEGABYTE = 1024 * 1024


@pytest.fixture
def endpoint(lab: Any) -> Any:
    config = lab.config(lab.model(CODE, lab.role()), InstanceType="ml.m5.large", InitialInstanceCount=2)
    name, _ = lab.endpoint(config)
    yield name
    lab.sm.delete_endpoint(EndpointName=name)


def _ask(lab: Any, name: str, body: bytes) -> Any:
    client = lab.cloud.root_session().client(
        "sagemaker-runtime", config=Config(retries={"total_max_attempts": 1}, read_timeout=60)
    )
    return client.invoke_endpoint(EndpointName=name, Body=body, ContentType="text/plain")["Body"].read()


def _refused(lab: Any, name: str, body: bytes) -> dict[str, Any]:
    with pytest.raises(ClientError) as refused:
        _ask(lab, name, body)
    response: dict[str, Any] = refused.value.response
    return response


def test_a_real_time_request_may_have_25_megabytes(lab: Any, endpoint: str) -> None:
    assert _ask(lab, endpoint, b"x" * 25 * MEGABYTE) == b"x"
    response = _refused(lab, endpoint, b"x" * (25 * MEGABYTE + 1))
    assert response["Error"]["Message"] == "HTTP content length exceeded 26214400 bytes."
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert _ask(lab, endpoint, b"y") == b"y"


def test_a_model_that_is_too_slow_has_no_status(
    lab: Any, endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(runtime, "_TIMEOUT_SECONDS", 0.3)
    response = _refused(lab, endpoint, str(tmp_path / "asked").encode())
    assert response["OriginalStatusCode"] == 0
    assert "timed out while waiting for a response from container primary" in response["OriginalMessage"]


def test_what_a_killed_instance_was_answering_fails_and_the_next_request_goes_elsewhere(
    lab: Any, endpoint: str, tmp_path: Path
) -> None:
    gate = tmp_path / "asked"
    instances = lab.plugin.endpoints.serving(endpoint).variants[0].instances
    with ThreadPoolExecutor(1) as pool:
        refused = pool.submit(_refused, lab, endpoint, str(gate).encode())
        lab.until(gate.exists)
        [busy] = [instance for instance in instances if instance.busy]
        os.kill(busy.pid, signal.SIGKILL)
        response = refused.result(30)
    assert (response["Error"]["Code"], response["OriginalStatusCode"]) == ("ModelError", 0)
    assert "could not get a response" in response["OriginalMessage"]
    assert [_ask(lab, endpoint, b"z") for _ in range(10)] == [b"z"] * 10
    assert lab.plugin.endpoints.statistics(endpoint)["errors"] == 1


def test_a_request_that_an_instance_never_got_goes_to_another(
    lab: Any, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoke, refusing = Instance.invoke, []

    def refuse_once(self: Instance, *arguments: Any) -> Reply:
        if not refusing:
            refusing.append(self)
            raise ConnectionRefusedError("gone before the request came")
        return invoke(self, *arguments)

    monkeypatch.setattr(Instance, "invoke", refuse_once)
    assert _ask(lab, endpoint, b"x") == b"x"
    counted = lab.plugin.endpoints.statistics(endpoint)
    assert (counted["requests"], counted["errors"]) == (1, 0)
    assert [instance.busy for instance in refusing] == [0]


def test_an_endpoint_without_a_living_instance_is_unavailable(lab: Any, endpoint: str) -> None:
    for instance in lab.plugin.endpoints.serving(endpoint).variants[0].instances:
        instance.end()
    response = _refused(lab, endpoint, b"x")
    assert response["Error"]["Code"] == "ServiceUnavailable"
    assert lab.plugin.endpoints.statistics(endpoint)["errors"] == 1
