from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

_ECHO = """
import json
from sagemaker_inference.errors import GenericInferenceToolkitError

def model_fn(model_dir):
    return "{word}"

def input_fn(body, content_type, context):
    if content_type != "text/plain":
        raise GenericInferenceToolkitError(415, f"{{content_type}} is not text")
    headers = context.request_processor[0].get_request_properties()
    context.set_response_header(0, "X-Amzn-SageMaker-Custom-Attributes", "seen")
    return bytes(body).decode() + headers.get("X-Amzn-SageMaker-Custom-Attributes", "")

def predict_fn(text, model):
    return len(text) // (0 if text == "zero" else 1), model

def output_fn(prediction, accept):
    return json.dumps(prediction), "application/json"
"""


def _code(word: str = "one") -> str:
    return _ECHO.format(word=word)


def _invoke(lab: Any, name: str, body: bytes = b"hello", **more: Any) -> Any:
    client = lab.client("sagemaker-runtime")
    return client.invoke_endpoint(EndpointName=name, Body=body, ContentType="text/plain", **more)


def test_a_request_goes_through_the_four_functions_and_is_counted(lab: Any) -> None:
    name, described = lab.endpoint(lab.config(lab.model(_code(), lab.role())))
    assert described["EndpointStatus"] == "InService"
    answer = _invoke(lab, name, CustomAttributes="min_score=0.01")
    assert answer["Body"].read() == b'[19, "one"]'
    assert (answer["ContentType"], answer["InvokedProductionVariant"]) == ("application/json", "all")
    assert answer["CustomAttributes"] == "seen"
    statistics = lab.plugin.endpoints.statistics(name)
    assert (statistics["requests"], statistics["errors"]) == (1, 0)
    assert statistics["p50_ms"] > 0
    lab.sm.delete_endpoint(EndpointName=name)
    with pytest.raises(ClientError, match="not found"):
        _invoke(lab, name)


def test_the_codes_own_refusal_is_a_client_error_and_any_other_exception_a_server_error(lab: Any) -> None:
    name, _ = lab.endpoint(lab.config(lab.model(_code(), lab.role())))
    client = lab.client("sagemaker-runtime")
    with pytest.raises(ClientError) as refused:
        client.invoke_endpoint(EndpointName=name, Body=b"x", ContentType="image/gif")
    assert refused.value.response["OriginalStatusCode"] == 415
    assert "image/gif is not text" in refused.value.response["OriginalMessage"]
    with pytest.raises(ClientError) as failed:
        _invoke(lab, name, b"zero")
    assert failed.value.response["Error"]["Code"] == "ModelError"
    assert failed.value.response["OriginalStatusCode"] == 500
    assert "ZeroDivisionError" in failed.value.response["OriginalMessage"]
    with pytest.raises(ClientError, match=r"ValidationError.* has oversize body"):
        _invoke(lab, name, b"x" * (4 * 1024 * 1024 + 1))
    lab.sm.delete_endpoint(EndpointName=name)


def test_a_dead_server_is_started_again(lab: Any) -> None:
    name, _ = lab.endpoint(lab.config(lab.model(_code(), lab.role())))
    instance = lab.plugin.endpoints.serving(name).variants[0].instances[0]
    before = instance.pid
    os.kill(before, signal.SIGKILL)
    lab.until(lambda: instance.alive and instance.pid != before)
    assert _invoke(lab, name)["Body"].read() == b'[5, "one"]'
    lab.sm.delete_endpoint(EndpointName=name)


def test_an_update_switches_only_to_what_is_healthy(lab: Any, events: list[dict[str, Any]]) -> None:
    role = lab.role()
    first = lab.config(lab.model(_code("one"), role))
    name, _ = lab.endpoint(first)
    broken = lab.config(lab.model("raise RuntimeError('no such opset')", role))
    lab.sm.update_endpoint(EndpointName=name, EndpointConfigName=broken)
    described = lab.settled(name)
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", first)
    assert "no such opset" in described["FailureReason"]
    assert _invoke(lab, name)["Body"].read() == b'[5, "one"]'

    second = lab.config(lab.model(_code("two"), role), InitialInstanceCount=2, InstanceType="ml.m5.large")
    lab.sm.update_endpoint(EndpointName=name, EndpointConfigName=second)
    described = lab.settled(name)
    assert described["EndpointConfigName"] == second
    assert "FailureReason" not in described
    assert _invoke(lab, name)["Body"].read() == b'[5, "two"]'
    assert described["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    lab.sm.delete_endpoint(EndpointName=name)
    statuses = [e["detail"]["EndpointStatus"] for e in events if "Endpoint State" in e["detail-type"]]
    assert statuses == [
        *["CREATING", "IN_SERVICE", "UPDATING", "IN_SERVICE", "UPDATING", "IN_SERVICE", "DELETING"]
    ]


def test_a_request_under_way_is_answered_before_its_server_goes(lab: Any) -> None:
    role = lab.role()
    gate = lab.cloud.state_dir / f"{lab.name}.gate"
    waiting = f"""
import pathlib, time
def predict_fn(text, model):
    pathlib.Path("{gate}.asked").touch()
    while not pathlib.Path("{gate}").exists():
        time.sleep(0.02)
    return 0, model
"""
    name, _ = lab.endpoint(lab.config(lab.model(_code("one") + waiting, role)))
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(lambda: _invoke(lab, name)["Body"].read())
        lab.until(gate.with_name(gate.name + ".asked").exists)
        lab.sm.update_endpoint(
            EndpointName=name, EndpointConfigName=lab.config(lab.model(_code("two"), role))
        )
        lab.settled(name)
        assert _invoke(lab, name)["Body"].read() == b'[5, "two"]'
        gate.touch()
        assert answer.result(30) == b'[0, "one"]'
    lab.sm.delete_endpoint(EndpointName=name)


@pytest.mark.parametrize(
    ("code", "requirements", "named"),
    [
        ("import nowhere", "", "No module named 'nowhere'"),
        ("def model_fn(d): pass", "", "does not define input_fn, predict_fn, output_fn"),
        (_code() + "\ndef model_fn(d): raise OSError('no model.onnx')", "", "no model.onnx"),
        (_code(), "numpy==0.0.1\nno-such-thing==1\n", "no-such-thing==1 (not installed)"),
    ],
)
def test_a_model_that_cannot_serve_fails_the_endpoint_with_the_reason(
    lab: Any, code: str, requirements: str, named: str
) -> None:
    name, described = lab.endpoint(lab.config(lab.model(code, lab.role(), requirements)))
    assert described["EndpointStatus"] == "Failed"
    assert named in described["FailureReason"]
    lab.sm.delete_endpoint(EndpointName=name)


def test_the_models_role_must_be_allowed_to_read_its_data(lab: Any) -> None:
    role = lab.role(lab.allow("s3:GetObject", "arn:aws:s3:::other/*"))
    name, described = lab.endpoint(lab.config(lab.model(_code(), role)))
    assert described["EndpointStatus"] == "Failed"
    assert "model.tar.gz" in described["FailureReason"]
    assert "403" in described["FailureReason"] or "AccessDenied" in described["FailureReason"]
    lab.sm.delete_endpoint(EndpointName=name)


def test_a_code_folder_is_found_in_the_archive_and_not_in_this_project(lab: Any) -> None:
    code = "import local\n" + _code()
    name, described = lab.endpoint(lab.config(lab.model(code, lab.role())))
    assert "No module named 'local'" in described["FailureReason"]
    lab.sm.delete_endpoint(EndpointName=name)


def test_a_model_package_gives_image_data_and_environment(lab: Any) -> None:
    lab.sm.create_model_package_group(ModelPackageGroupName=lab.name)
    url = lab.put("packaged/model.tar.gz", lab.tar_gz({"code/serve.py": _code("packaged")}))
    package = lab.sm.create_model_package(
        ModelPackageGroupName=lab.name,
        InferenceSpecification={
            "Containers": [
                {"Image": "image", "ModelDataUrl": url, "Environment": {"SAGEMAKER_PROGRAM": "serve.py"}}
            ],
            "SupportedContentTypes": ["text/plain"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
    )["ModelPackageArn"]
    model = f"{lab.name}-Packaged"
    lab.sm.create_model(
        ModelName=model, ExecutionRoleArn=lab.role(), PrimaryContainer={"ModelPackageName": package}
    )
    name, _ = lab.endpoint(lab.config(model.lower()))
    assert _invoke(lab, name)["Body"].read() == b'[5, "packaged"]'
    lab.sm.delete_endpoint(EndpointName=name)


def test_what_is_not_there_or_not_served_is_refused(lab: Any) -> None:
    with pytest.raises(ClientError, match="Could not find model"):
        lab.config("nothing")
    with pytest.raises(ClientError, match="Could not find endpoint configuration"):
        lab.endpoint("nothing")
    model = lab.model(_code(), lab.role())
    policy = {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {
                "Type": "CANARY",
                "WaitIntervalInSeconds": 60,
                "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 10},
            }
        }
    }
    with pytest.raises(ClientError, match="CANARY"):
        lab.sm.create_endpoint(
            EndpointName="refused", EndpointConfigName=lab.config(model), DeploymentConfig=policy
        )


def test_invoking_takes_a_grant_on_the_endpoint(lab: Any) -> None:
    role = lab.role(lab.allow("sagemaker:InvokeEndpoint", "arn:aws:sagemaker:*:*:endpoint/other"))
    credentials = lab.cloud.service_credentials(role, "sagemaker.amazonaws.com", "test")
    client = lab.cloud.session(credentials).client("sagemaker-runtime")
    with pytest.raises(ClientError, match="sagemaker:InvokeEndpoint"):
        client.invoke_endpoint(EndpointName="mine", Body=b"x")
