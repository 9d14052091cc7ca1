import io
import json
import re
import tarfile
import zipfile

import pytest

from lambdas.edge.components import (
    BrokenArtifact,
    BrokenRecipe,
    archive,
    component_version,
    onnx_of,
    placeholders,
    render,
)
from lambdas.edge.deployments import client_token, request, with_components
from lambdas.edge.groups import Counts, DevicesFailed, count, is_done
from lambdas.edge.judge_health import problem_of
from lambdas.edge.record_rollout import evidence

ARN = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/edgeline-tags/2"


def tar_gz(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as file:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            file.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


@pytest.mark.parametrize("name", ["model.onnx", "./model.onnx"])
def test_the_onnx_model_is_found_in_the_archive_of_the_training(name: str) -> None:
    assert onnx_of(tar_gz(**{"code/inference.py": b"x", name: b"onnx"})) == b"onnx"


@pytest.mark.parametrize(
    ("artifact", "reason"),
    [
        (b"", "cannot be read"),
        (b"no archive at all", "cannot be read"),
        (tar_gz(**{"model.onnx": b"onnx" * 999})[:-40], "cannot be read"),
        (tar_gz(**{"model.pt": b"torch"}), "has no model.onnx"),
        (tar_gz(**{"model.onnx": b""}), "or an empty one"),
        (tar_gz(**{"deep/model.onnx": b"onnx"}), "has no model.onnx"),
    ],
    # The bytes of an archive hold the time: as names they differ from one process to the next.
    ids=["empty", "no archive", "cut off", "without a model", "empty model", "model elsewhere"],
)
def test_a_broken_artifact_is_refused(artifact: bytes, reason: str) -> None:
    with pytest.raises(BrokenArtifact, match=reason):
        onnx_of(artifact)


def test_the_component_archive_is_deterministic_and_names_its_package() -> None:
    first, second = (archive(b"onnx", {"model_package_arn": ARN, "model": "tags"}) for _ in range(2))
    assert first == second
    with zipfile.ZipFile(io.BytesIO(first)) as file:
        assert file.read("model.onnx") == b"onnx"
        assert json.loads(file.read("model.json"))["model_package_arn"] == ARN


def test_the_component_version_is_the_package_version() -> None:
    assert component_version(12) == "1.0.12"


def test_a_recipe_is_filled_without_its_comments() -> None:
    template = '# @NAMES@ are filled\nComponentName: "@COMPONENT@"\nUri: @ARTIFACT_URI@ in @ARTIFACT_NAME@\n'
    recipe = render(template, placeholders("com.edgeline.model.tags", "1.0.2", "s3://b/model.zip"))
    assert recipe == 'ComponentName: "com.edgeline.model.tags"\nUri: s3://b/model.zip in model\n'


def test_a_placeholder_that_nothing_fills_is_named() -> None:
    with pytest.raises(BrokenRecipe, match="@OTHER_THING@"):
        render("a: @OTHER_THING@", {})


def test_other_components_and_configuration_of_the_group_stay() -> None:
    previous = {
        "com.edgeline.inspector": {"componentVersion": "1.0.1", "configurationUpdate": {"merge": "{}"}},
        "aws.greengrass.LogManager": {"componentVersion": "2.3.0"},
    }
    ours = {"com.edgeline.inspector": "1.0.7", "com.edgeline.model.tags": "1.0.2"}
    assert with_components(previous, ours) == {
        "com.edgeline.inspector": {
            "componentVersion": "1.0.7",
            "configurationUpdate": {"merge": "{}", "reset": [""]},
        },
        "aws.greengrass.LogManager": {"componentVersion": "2.3.0"},
        "com.edgeline.model.tags": {"componentVersion": "1.0.2", "configurationUpdate": {"reset": [""]}},
    }
    assert previous["com.edgeline.inspector"]["componentVersion"] == "1.0.1"


def test_going_forth_and_going_back_in_one_execution_are_two_deployments() -> None:
    assert client_token("e", "group", "deploy") == client_token("e", "group", "deploy")
    assert client_token("e", "group", "deploy") != client_token("e", "group", "redeploy")
    assert len(client_token("e", "group", "deploy")) == 64


def test_deployments_go_in_waves_abort_and_roll_back() -> None:
    made = request(
        group_arn="g", name="n", components={}, token="t", in_progress_minutes=30, max_failed_percent=0
    )
    job = made["iotJobConfiguration"]
    assert job["timeoutConfig"] == {"inProgressTimeoutInMinutes": 30}
    assert job["abortConfig"]["criteriaList"][0]["thresholdPercentage"] == 1.0
    assert "exponentialRate" in job["jobExecutionsRolloutConfig"]
    assert made["deploymentPolicies"]["failureHandlingPolicy"] == "ROLLBACK"


def test_devices_are_counted_by_where_they_stand() -> None:
    statuses = {
        "a": "SUCCEEDED",
        "b": "COMPLETED",
        "c": "FAILED",
        "d": "IN_PROGRESS",
        "e": "QUEUED",
        "f": "ABSENT",
    }
    assert count(statuses) == Counts(total=6, succeeded=2, failed=1, running=1, offline=2)


def done(*statuses: str, expired: bool = False, max_failed_percent: int = 0, required: bool = True) -> bool:
    devices = {f"device-{number}": status for number, status in enumerate(statuses)}
    return is_done(devices, expired=expired, max_failed_percent=max_failed_percent, required=required)


def test_a_group_is_done_when_every_device_has_it_and_not_before() -> None:
    assert done("SUCCEEDED", "SUCCEEDED")
    assert not done("SUCCEEDED", "IN_PROGRESS")
    assert not done("SUCCEEDED", "ABSENT")


def test_one_failed_staging_device_is_too_many() -> None:
    with pytest.raises(DevicesFailed, match="1 of 3 devices failed: device-1 FAILED"):
        done("SUCCEEDED", "FAILED", "SUCCEEDED")


def test_of_ten_prod_devices_one_may_fail() -> None:
    assert done(*["SUCCEEDED"] * 9, "FAILED", max_failed_percent=10, required=False)
    with pytest.raises(DevicesFailed, match="2 of 10"):
        done(*["SUCCEEDED"] * 8, "FAILED", "TIMED_OUT", max_failed_percent=10, required=False)


def test_when_the_time_is_over_offline_devices_are_left_and_hung_ones_fail() -> None:
    assert done("SUCCEEDED", "ABSENT", "QUEUED", expired=True)
    with pytest.raises(DevicesFailed, match="device-1 IN_PROGRESS"):
        done("SUCCEEDED", "IN_PROGRESS", expired=True)


def test_a_required_group_needs_a_device_that_took_it() -> None:
    with pytest.raises(DevicesFailed, match="no device of 1 took the deployment in time"):
        done("ABSENT", expired=True)
    assert done("ABSENT", expired=True, required=False)


def test_an_empty_prod_group_is_done_at_once() -> None:
    assert done(required=False)


RUNNING = {"inspector": "1.0.8", "model": "1.0.2"}


@pytest.mark.parametrize(
    ("report", "problem"),
    [
        (None, "has not reported"),
        ({"model_package_arn": ARN.replace("/2", "/1"), "inferences": 9}, "runs .*/1, not .*/2"),
        (
            {"model_package_arn": ARN, "component_versions": {"inspector": "1.0.7"}, "inferences": 9},
            "runs inspector 1.0.7, not 1.0.8",
        ),
        (
            {"model_package_arn": ARN, "component_versions": RUNNING, "inferences": 4},
            "4 inferences, 5 are asked for",
        ),
    ],
)
def test_what_keeps_a_device_from_passing_is_said(report: dict[str, object] | None, problem: str) -> None:
    found = problem_of(report, ARN, RUNNING, 5)
    assert found is not None
    assert re.search(problem, found)


def test_a_device_that_inspects_with_the_package_is_healthy() -> None:
    report = {"model_package_arn": ARN, "component_versions": {**RUNNING, "another": "2.0.0"}}
    assert problem_of({**report, "inferences": 5}, ARN, RUNNING, 5) is None
    assert problem_of({**report, "inferences": 0}, ARN, RUNNING, 0) is None


def test_a_failed_rollout_is_recorded_with_its_reason_in_plain_words() -> None:
    rollout = {
        "model": "tags",
        "model_package_arn": ARN,
        "release": "s3://artifacts/releases/tags/2/release.json",
        "failure": {"Error": "DevicesFailed", "Cause": json.dumps({"errorMessage": "1 of 1 devices failed"})},
        "rollback_failure": {"Error": "States.Timeout", "Cause": "no JSON"},
    }
    record = evidence(rollout, execution="e", started_at="2026-11-21T12:00:00Z")
    assert (record["outcome"], record["reason"]) == ("DevicesFailed", "1 of 1 devices failed")
    assert record["rollback_failure"] == "no JSON"


def test_a_published_inspector_that_found_no_model_to_go_with_is_recorded_all_the_same() -> None:
    rollout = {
        "model": "tags",
        "model_package_arn": None,
        "release": None,
        "inspector": "1.0.8",
        "failure": {"Error": "Lambda.Unknown", "Cause": "gone"},
    }
    record = evidence(rollout, execution="e", started_at="2026-11-21T12:00:00Z")
    assert (record["inspector"], record["package_version"]) == ("1.0.8", None)
