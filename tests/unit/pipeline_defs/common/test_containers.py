"""The pinned containers are those that the SDK's own registry knows."""

import json
from importlib.resources import files
from typing import Any

import pytest

from pipeline_defs.common import containers
from pipeline_defs.common.containers import UnknownRegionError, inference_image, training_image

REGISTRY: dict[str, Any] = json.loads(
    files("sagemaker.core").joinpath("image_uri_config/pytorch.json").read_text()
)


@pytest.mark.parametrize("kind", ["training", "inference"])
def test_every_account_and_the_version_are_in_the_registry_of_the_sdk(kind: str) -> None:
    version = REGISTRY[kind]["versions"][containers.PYTORCH]
    assert containers.PYTHON in version["py_versions"]
    assert version["repository"] == f"pytorch-{kind}"
    for region, account in containers._ACCOUNTS.items():
        assert version["registries"][region] == account, region


def test_an_image_is_of_the_region_and_the_kind_of_instance() -> None:
    base = "763104351884.dkr.ecr.eu-west-1.amazonaws.com"
    assert training_image("eu-west-1", "ml.m5.xlarge") == f"{base}/pytorch-training:2.6.0-cpu-py312"
    assert training_image("eu-west-1", "ml.g5.xlarge") == f"{base}/pytorch-training:2.6.0-gpu-py312"
    assert inference_image("eu-west-1") == f"{base}/pytorch-inference:2.6.0-cpu-py312"
    china = "727897471807.dkr.ecr.cn-north-1.amazonaws.com.cn/pytorch-inference:2.6.0-cpu-py312"
    assert inference_image("cn-north-1") == china


def test_a_region_without_containers_is_named() -> None:
    with pytest.raises(UnknownRegionError, match="mars-east-1: no pytorch-training image known"):
        training_image("mars-east-1", "ml.m5.xlarge")
