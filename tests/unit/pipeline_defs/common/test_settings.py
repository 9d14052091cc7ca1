import json
from pathlib import Path
from typing import Any

import pytest

from pipeline_defs.common.settings import Settings, SettingsError


def test_the_environment_of_the_build_is_read(build_environment: dict[str, str]) -> None:
    settings = Settings.read(build_environment, "tags")
    assert settings.region == "eu-west-1"
    assert settings.model.name == "tags"
    assert settings.model.classes == ("scratch", "dent")


def test_every_missing_variable_is_named(build_environment: dict[str, str]) -> None:
    del build_environment["FEATURE_GROUP"], build_environment["AWS_REGION"]
    with pytest.raises(SettingsError, match="missing from the environment: FEATURE_GROUP, AWS_REGION"):
        Settings.read(build_environment, "tags")


def test_an_unknown_model_names_those_that_there_are(build_environment: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="model 'plates' is not one of tags"):
        Settings.read(build_environment, "plates")


def test_a_description_that_lacks_something_says_so(
    build_environment: dict[str, str], model_config: dict[str, Any]
) -> None:
    told = {key: value for key, value in model_config.items() if key != "classes"}
    environment = build_environment | {"MODEL_CONFIG": json.dumps({"tags": told})}
    with pytest.raises(SettingsError, match=r"MODEL_CONFIG of 'tags'.*'classes'"):
        Settings.read(environment, "tags")


@pytest.mark.parametrize(
    ("source", "uri"),
    [
        ("images/species/", "s3://images/images/species/"),
        ("images/species/list.manifest", "s3://images/images/species/list.manifest"),
        ("s3://images/ours/list.manifest", "s3://images/ours/list.manifest"),
    ],
)
def test_pictures_lie_in_the_images_bucket(
    build_environment: dict[str, str],
    model_config: dict[str, Any],
    tmp_path: Path,
    source: str,
    uri: str,
) -> None:
    environment = with_source(build_environment, model_config, tmp_path, source)
    read = Settings.read(environment, "tags").model.classification
    assert read == {"source": uri}


def test_pictures_of_another_bucket_are_refused_before_anything_is_made(
    build_environment: dict[str, str], model_config: dict[str, Any], tmp_path: Path
) -> None:
    environment = with_source(build_environment, model_config, tmp_path, "s3://images-2/list.manifest")
    with pytest.raises(
        SettingsError, match=r"models\.tags: data = 's3://images-2/.* not in the images bucket images,"
    ):
        Settings.read(environment, "tags")


def with_source(
    environment: dict[str, str], model_config: dict[str, Any], tmp_path: Path, source: str
) -> dict[str, str]:
    told = {**model_config, "task": "classification", "classification": {"source": source}}
    del told["detection"]
    file = tmp_path / "models.json"
    file.write_text(json.dumps({"tags": told}))
    rest = {name: value for name, value in environment.items() if name != "MODEL_CONFIG"}
    return rest | {"MODEL_CONFIG_FILE": str(file), "IMAGES_BUCKET": "images"}
