from typing import Any

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
    assert upsert.start_parameters(options, {"GIT_COMMIT": "abc"}) == {
        "AsOf": "2026-11-21T12:00:00Z",
        "Seed": "3",
        "GitCommit": "abc",
    }


def test_a_start_without_a_time_is_as_of_now() -> None:
    parameters = upsert.start_parameters(upsert.parse(["--model", "tags"]), {})
    assert list(parameters) == ["AsOf"]
    assert parameters["AsOf"].endswith("Z")


def test_the_same_start_again_has_the_same_token(sagemaker: Any, settings: Settings) -> None:
    tokens = []
    for seed in ("1", "1", "2"):
        with Stubber(sagemaker) as stub:
            stub.add_response("start_pipeline_execution", {"PipelineExecutionArn": f"{PIPELINE}/execution/x"})
            sagemaker.meta.events.register(
                "before-parameter-build.sagemaker.StartPipelineExecution",
                lambda params, **_: tokens.append(params["ClientRequestToken"]),
                unique_id="token",
            )
            assert upsert.start(sagemaker, settings, "{}", {"Seed": seed}).endswith("/execution/x")
    assert tokens[0] == tokens[1] != tokens[2]
    assert all(32 <= len(token) <= 128 for token in tokens)


def test_a_task_without_a_pipeline_is_refused(build_environment: dict[str, str]) -> None:
    environment = build_environment | {
        "MODEL_CONFIG": build_environment["MODEL_CONFIG"].replace('"detection"', '"reading"')
    }
    with pytest.raises(SettingsError, match="model 'tags': there is no reading pipeline"):
        upsert.main(["--model", "tags"], environment)
