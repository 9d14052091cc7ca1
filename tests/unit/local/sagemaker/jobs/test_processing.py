from __future__ import annotations

import os
from typing import Any

import pytest
from botocore.exceptions import ClientError


def _input(uri: str, path: str = "/opt/ml/processing/input/data") -> dict[str, Any]:
    s3 = {"S3Uri": uri, "LocalPath": path, "S3DataType": "S3Prefix", "S3InputMode": "File"}
    return {"InputName": "data", "S3Input": s3}


def _output(uri: str) -> dict[str, Any]:
    s3 = {"S3Uri": uri, "LocalPath": "/opt/ml/processing/output", "S3UploadMode": "EndOfJob"}
    return {"Outputs": [{"OutputName": "result", "S3Output": s3}]}


def test_inputs_arguments_environment_and_outputs_reach_the_program(lab: Any) -> None:
    lab.put("in/deep/a.txt", b"42")
    lab.put("input-of-another/b.txt", b"no")
    job = lab.process(
        'cat "$IN"/deep/a.txt > /opt/ml/processing/output/copy.txt; ls $IN > /opt/ml/output/message',
        lab.role(),
        Environment={"IN": "/opt/ml/processing/input/data"},
        ProcessingInputs=[_input(f"s3://{lab.name}/in/")],
        ProcessingOutputConfig=_output(f"s3://{lab.name}/out"),
    )
    assert job["ProcessingJobStatus"] == "Completed"
    assert lab.read("out/copy.txt") == b"42"
    assert job["ExitMessage"] == "deep\n"
    assert job["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"] == f"s3://{lab.name}/out"


def test_a_single_object_arrives_under_its_own_name(lab: Any) -> None:
    uri = lab.put("in/model.bin", b"x")
    job = lab.process(
        "test -f /opt/ml/processing/input/data/model.bin", lab.role(), ProcessingInputs=[_input(uri)]
    )
    assert job["ProcessingJobStatus"] == "Completed"


def test_the_program_is_the_jobs_role_and_nobody_else(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_FOREIGN", "mine")
    role = lab.role()
    code = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    lines: list[str] = []
    lab.plugin.jobs.listen(lambda name, line: lines.append(line))
    job = lab.process(f'test -z "$AWS_FOREIGN" && python3 -c "{code}"', role)
    lab.plugin.jobs.listen(None)
    assert job["ProcessingJobStatus"] == "Completed"
    assert lines == [
        role.replace(":iam:", ":sts:").replace("role/", "assumed-role/") + f"/{job['ProcessingJobName']}"
    ]


def test_a_role_without_a_grant_fails_the_job_with_the_actions_name(lab: Any) -> None:
    lab.put("in/a", b"x")
    role = lab.role(lab.allow("s3:PutObject", f"arn:aws:s3:::{lab.name}/*"))
    job = lab.process("true", role, ProcessingInputs=[_input(f"s3://{lab.name}/in")])
    assert job["ProcessingJobStatus"] == "Failed"
    assert "AccessDenied" in job["FailureReason"]
    assert "s3:ListBucket" in job["FailureReason"]


def test_a_role_that_does_not_trust_sagemaker_is_refused_at_once(lab: Any) -> None:
    with pytest.raises(ClientError, match="Could not assume role"):
        lab.start("true", "arn:aws:iam::000000000000:role/nobody")


def test_an_input_that_is_not_there_is_named(lab: Any) -> None:
    job = lab.process("true", lab.role(), ProcessingInputs=[_input(f"s3://{lab.name}/nothing")])
    assert job["ProcessingJobStatus"] == "Failed"
    assert f"s3://{lab.name}/nothing" in job["FailureReason"]


def test_a_crash_tells_the_last_lines_and_the_code(lab: Any) -> None:
    job = lab.process("echo 'no such class: dent' >&2; exit 3", lab.role())
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: no such class: dent, exit code: 3"


def test_what_the_program_writes_to_failure_is_the_reason(lab: Any) -> None:
    job = lab.process(
        "echo noise; printf 'the labels are empty' > /opt/ml/output/failure; exit 1", lab.role()
    )
    assert job["FailureReason"] == "AlgorithmError: the labels are empty, exit code: 1"


def test_a_killed_job_names_the_signal(lab: Any) -> None:
    job = lab.process("kill -KILL $$", lab.role())
    assert job["ProcessingJobStatus"] == "Failed"
    assert "SIGKILL" in job["FailureReason"]


def test_a_program_that_does_not_exist_is_named(lab: Any) -> None:
    app = {"ImageUri": "image", "ContainerEntrypoint": ["/opt/ml/processing/nowhere.sh"]}
    job = lab.process("", lab.role(), AppSpecification=app)
    assert job["ProcessingJobStatus"] == "Failed"
    assert "nowhere.sh" in job["FailureReason"]


def test_a_full_disk_is_named(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: Any) -> int:
        raise OSError(28, "No space left on device", "/opt/ml/processing/input/data/a")

    monkeypatch.setattr("local.sagemaker.jobs.processing.download_prefix", full)
    job = lab.process("true", lab.role(), ProcessingInputs=[_input(f"s3://{lab.name}/in")])
    assert job["ProcessingJobStatus"] == "Failed"
    assert "no space left on the job's disk" in job["FailureReason"]


def test_a_job_past_its_time_is_stopped_with_all_that_it_started(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.sagemaker.jobs.run._GRACE_SECONDS", 0.2)
    pids = lab.cloud.state_dir / f"{lab.name}.pids"
    job = lab.process(
        f"trap '' TERM; sleep 300 & echo $! >> {pids}; echo $$ >> {pids}; wait; sleep 300",
        lab.role(),
        StoppingCondition={"MaxRuntimeInSeconds": 1},
    )
    assert job["ProcessingJobStatus"] == "Stopped"
    assert "MaxRuntimeInSeconds of 1" in job["FailureReason"]
    for pid in pids.read_text().split():
        lab.until(lambda pid=pid: not _runs(int(pid)))


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_job_can_be_stopped(lab: Any) -> None:
    name = lab.start("sleep 300", lab.role())
    lab.sm.stop_processing_job(ProcessingJobName=name)
    assert lab.ended(name)["ProcessingJobStatus"] == "Stopped"


def test_the_lines_are_in_cloudwatch_logs_and_in_a_file(lab: Any) -> None:
    name = lab.start("echo one; echo two", lab.role())
    lab.ended(name)
    logs = lab.client("logs")
    group = "/aws/sagemaker/ProcessingJobs"
    stream = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=name)["logStreams"][0][
        "logStreamName"
    ]
    lines = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)["events"]
    assert [line["message"] for line in lines] == ["one", "two"]
    assert lab.plugin.jobs.processing.log_path(name).read_text() == "one\ntwo\n"


def test_a_name_is_taken_once_and_an_unknown_one_is_refused(lab: Any) -> None:
    role = lab.role()
    name = lab.start("true", role)
    with pytest.raises(ClientError) as taken:
        lab.sm.create_processing_job(ProcessingJobName=name, **lab.processing("true", role))
    assert taken.value.response["Error"]["Code"] == "ResourceInUse"
    with pytest.raises(ClientError, match="Could not find requested job"):
        lab.sm.describe_processing_job(ProcessingJobName="unknown")


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"AppSpecification": {"ImageUri": "image"}}, "ENTRYPOINT"),
        (
            {
                "ProcessingResources": {
                    "ClusterConfig": {"InstanceCount": 2, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 5}
                }
            },
            "InstanceCount=2",
        ),
    ],
)
def test_what_cannot_be_run_here_is_refused_by_name(lab: Any, more: dict[str, Any], named: str) -> None:
    with pytest.raises(ClientError, match=named):
        lab.start("true", lab.role(), **more)


def test_state_changes_are_events(lab: Any, events: list[dict[str, Any]]) -> None:
    job = lab.process("true", lab.role())
    lab.until(lambda: len(events) == 2)
    assert [event["detail"]["ProcessingJobStatus"] for event in events] == ["InProgress", "Completed"]
    assert events[0]["detail-type"] == "SageMaker Processing Job State Change"
    assert events[0]["resources"] == [job["ProcessingJobArn"]]


def test_the_caller_must_be_allowed_to_pass_the_role(lab: Any) -> None:
    role = lab.role(
        lab.allow("sagemaker:*", "*"),
        suffix="caller",
    )
    credentials = lab.cloud.service_credentials(role, "sagemaker.amazonaws.com", "test")
    client = lab.cloud.session(credentials).client("sagemaker")
    with pytest.raises(ClientError, match="iam:PassRole"):
        client.create_processing_job(ProcessingJobName="unpassed", **lab.processing("true", lab.role()))
