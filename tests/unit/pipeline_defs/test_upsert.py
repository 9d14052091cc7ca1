from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.stub import Stubber

from pipeline_defs import upsert
from pipeline_defs.common.settings import Settings, SettingsError

PIPELINE = "arn:aws:sagemaker:eu-west-1:111122223333:pipeline/line-tags"


@pytest.fixture
def sagemaker() -> Any:
    session = botocore.session.Session()
    session.set_credentials("none", "none")
    return session.create_client("sagemaker", region_name="eu-west-1")


def values(definition: str, role: str) -> dict[str, str]:
    return {"PipelineName": "line-tags", "PipelineDefinition": definition, "RoleArn": role}


def test_a_pipeline_that_is_not_there_is_created(sagemaker: Any, settings: Settings) -> None:
    with Stubber(sagemaker) as stub:
        stub.add_client_error(
            "describe_pipeline", "ResourceNotFound", expected_params={"PipelineName": "line-tags"}
        )
        expected = values("{}", settings.pipeline_role_arn) | {"ClientRequestToken": upsert._token("{}")}
        expected["Tags"] = [{"Key": "project", "Value": "line"}]
        stub.add_response("create_pipeline", {"PipelineArn": PIPELINE}, expected)
        assert upsert.upsert(sagemaker, settings, "{}") == PIPELINE
        stub.assert_no_pending_responses()


def test_a_pipeline_that_is_there_is_updated(sagemaker: Any, settings: Settings) -> None:
    with Stubber(sagemaker) as stub:
        stub.add_response("describe_pipeline", {"PipelineArn": PIPELINE})
        expected = values("{}", settings.pipeline_role_arn)
        stub.add_response("update_pipeline", {"PipelineArn": PIPELINE}, expected)
        assert upsert.upsert(sagemaker, settings, "{}") == PIPELINE
        stub.assert_no_pending_responses()


def test_the_parameters_of_an_execution_are_those_that_were_given() -> None:
    options = upsert.parse(["--model", "tags", "--as-of", "2026-11-21T12:00:00Z", "--seed", "3"])
    assert upsert.start_parameters(
        options, {"GIT_COMMIT": "abc"}, {"Children": "", "Map50Threshold": None}
    ) == {
        "AsOf": "2026-11-21T12:00:00Z",
        "Seed": "3",
        "GitCommit": "abc",
    }


def test_a_start_without_a_time_is_as_of_now() -> None:
    parameters = upsert.start_parameters(upsert.parse(["--model", "tags"]), {}, {})
    assert list(parameters) == ["AsOf"]
    assert parameters["AsOf"].endswith("Z")


def test_a_task_without_a_pipeline_is_refused(build_environment: dict[str, str]) -> None:
    environment = build_environment | {
        "MODEL_CONFIG": build_environment["MODEL_CONFIG"].replace('"task": "detection"', '"task": "reading"')
    }
    with pytest.raises(SettingsError, match="model 'tags': there is no reading pipeline"):
        upsert.main(["--model", "tags"], environment)


def test_none_is_not_a_value() -> None:
    options = upsert.parse(["--model", "tags", "--labels-manifest", "none", "--seed", "none"])
    assert (options.labels_manifest, options.seed) == ("", None)
    assert list(upsert.start_parameters(options, {}, {})) == ["AsOf"]


class FakeSession:
    """What `main` gets its clients from; nothing is there yet, and starts are counted."""

    class exceptions:  # noqa: N801 - as boto3 names it
        ResourceNotFound = KeyError

    def __init__(self, **_: Any) -> None:
        self.labels = 0
        self.started = 0
        self.tokens: list[str] = []

    def client(self, service: str) -> "FakeSession":
        assert service in ("s3", "sagemaker")
        return self

    def list_objects_v2(self, **_: Any) -> dict[str, int]:
        return {"KeyCount": self.labels}

    def describe_pipeline(self, **_: Any) -> None:
        return None

    def update_pipeline(self, **_: Any) -> dict[str, str]:
        return {"PipelineArn": PIPELINE}

    def start_pipeline_execution(self, *, ClientRequestToken: str, **_: Any) -> dict[str, str]:  # noqa: N803
        self.started += 1
        self.tokens.append(ClientRequestToken)
        return {"PipelineExecutionArn": f"{PIPELINE}/execution/x"}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> FakeSession:
    session = FakeSession()
    monkeypatch.setattr(boto3, "Session", lambda **_: session)
    monkeypatch.setattr(upsert, "describe", lambda *_: "{}")
    monkeypatch.setattr(upsert.Sources, "upload", lambda *_: None)
    return session


def run(environment: dict[str, str], to: Path, *more: str) -> dict[str, str | None]:
    return upsert.main(["--model", "tags", "--start", "--execution-arn-to", str(to), *more], environment)


def test_without_labels_the_pipeline_is_upserted_and_not_started_and_a_line_says_so(
    aws: FakeSession, build_environment: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = run(build_environment, tmp_path / "arn")
    assert found == {"pipeline_arn": PIPELINE, "execution_arn": None}
    assert capsys.readouterr().err == "model tags: not started, there are no labels yet\n"
    assert (tmp_path / "arn").read_text() == "none"
    assert aws.started == 0


def test_with_labels_it_is_started_and_the_execution_told(
    aws: FakeSession, build_environment: dict[str, str], tmp_path: Path
) -> None:
    aws.labels = 1
    assert run(build_environment, tmp_path / "arn")["execution_arn"] == f"{PIPELINE}/execution/x"
    assert (tmp_path / "arn").read_text() == f"{PIPELINE}/execution/x"


def test_labels_that_are_named_are_not_looked_for(
    aws: FakeSession, build_environment: dict[str, str], tmp_path: Path
) -> None:
    run(build_environment, tmp_path / "arn", "--labels-manifest", "s3://artifacts/labels/tags/x.manifest")
    assert aws.started == 1


def test_the_same_start_again_has_the_same_token(
    aws: FakeSession, build_environment: dict[str, str], tmp_path: Path
) -> None:
    aws.labels = 1
    for seed in ("1", "1", "2"):
        run(build_environment, tmp_path / "arn", "--seed", seed, "--as-of", "2026-11-21T12:00:00Z")
    assert aws.tokens[0] == aws.tokens[1] != aws.tokens[2]
    assert all(32 <= len(token) <= 128 for token in aws.tokens)
