from __future__ import annotations

import io
import json
import tarfile
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

_SCRIPT = """
import json, os, pathlib, sys
model = pathlib.Path(os.environ["SM_MODEL_DIR"])
told = {"argv": sys.argv[1:], "env": {k: v for k, v in os.environ.items() if k.startswith("SM_")}}
told["data"] = sorted(p.name for p in pathlib.Path(os.environ["SM_CHANNEL_TRAIN"]).iterdir())
(model / "told.json").write_text(json.dumps(told))
print("validation:map50=0.5;")
print("validation:map50=0.812;")
"""


def _train(lab: Any, files: dict[str, str], **more: Any) -> dict[str, Any]:
    lab.put("train/a.jpg", b"a")
    source = lab.put("code/sourcedir.tar.gz", lab.tar_gz(files))
    name = f"train-{uuid.uuid4().hex[:8]}"
    request = lab.training(source, lab.role(), f"s3://{lab.name}/runs/", **more)
    request["InputDataConfig"] = [lab.channel("train", f"s3://{lab.name}/train")]
    lab.sm.create_training_job(TrainingJobName=name, **request)

    def look() -> Any:
        described = lab.sm.describe_training_job(TrainingJobName=name)
        return None if described["TrainingJobStatus"] in ("InProgress", "Stopping") else described

    described: dict[str, Any] = lab.until(look)
    return described


def test_a_script_is_told_what_the_toolkit_tells_it(lab: Any) -> None:
    job = _train(lab, {"train.py": _SCRIPT, "requirements.txt": "boto3\n"})
    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Completed"
    uri = f"s3://{lab.name}/runs/{job['TrainingJobName']}/output/model.tar.gz"
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == uri
    with tarfile.open(fileobj=io.BytesIO(lab.read(uri.removeprefix(f"s3://{lab.name}/")))) as tar:
        member = tar.extractfile("told.json")
        assert member is not None
        told = json.load(member)
    assert told["argv"] == ["--steps", "3"]
    assert told["data"] == ["a.jpg"]
    assert told["env"]["SM_HPS"] == '{"steps": 3}'
    assert told["env"]["SM_CHANNELS"] == '["train"]'
    assert told["env"]["SM_USER_ENTRY_POINT"] == "train.py"


def test_the_last_value_of_a_metric_is_final(lab: Any) -> None:
    job = _train(lab, {"train.py": _SCRIPT})
    assert [(m["MetricName"], m["Value"]) for m in job["FinalMetricDataList"]] == [
        ("map50", pytest.approx(0.812))
    ]


def test_a_crash_fails_the_job_with_the_traceback(lab: Any) -> None:
    job = _train(lab, {"train.py": "raise ValueError('no boxes')"})
    assert job["TrainingJobStatus"] == "Failed"
    assert "ValueError: no boxes, exit code: 1" in job["FailureReason"]


def test_a_job_past_its_time_keeps_the_model_that_it_has(lab: Any) -> None:
    script = "import os,time\nopen(os.environ['SM_MODEL_DIR']+'/m','w').close()\ntime.sleep(300)"
    job = _train(lab, {"train.py": script}, StoppingCondition={"MaxRuntimeInSeconds": 2})
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert lab.keys(f"runs/{job['TrainingJobName']}") == [
        f"runs/{job['TrainingJobName']}/output/model.tar.gz"
    ]


def test_an_archive_without_the_program_is_named(lab: Any) -> None:
    job = _train(lab, {"other.py": ""})
    assert "'train.py' is not in the archive" in job["FailureReason"]


def test_an_archive_that_is_none_fails_the_job(lab: Any) -> None:
    lab.tar_gz = lambda files: b"no tar"
    job = _train(lab, {"train.py": ""})
    assert job["TrainingJobStatus"] == "Failed"
    assert "Data download failed" in job["FailureReason"]


def test_an_image_with_its_own_entrypoint_is_refused(lab: Any) -> None:
    request = lab.training("s3://b/c.tar.gz", lab.role(), f"s3://{lab.name}/runs")
    request["HyperParameters"] = {"steps": "3"}
    with pytest.raises(ClientError, match="sagemaker_program"):
        lab.sm.create_training_job(TrainingJobName="own", **request)
