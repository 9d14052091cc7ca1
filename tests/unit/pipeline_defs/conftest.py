import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pipeline_defs.common.packaging import PACKAGE_NAME
from pipeline_defs.common.settings import Settings

ACCOUNT = "111122223333"
MODEL = {
    "pipeline_name": "line-tags",
    "model_package_group": "line-tags",
    "task": "detection",
    "classes": ["scratch", "dent"],
    "train_instance": "ml.m5.2xlarge",
    "job_instance": "ml.m5.xlarge",
    "inference_instances": ["ml.m5.large"],
    "tags": {"project": "line"},
    "detection": {"map50_threshold": 0.6, "group_rule": "", "train_steps": 1000},
}


@pytest.fixture
def build_environment() -> dict[str, str]:
    """What the build project gives to `pipeline_defs.upsert`."""
    return {
        "AWS_REGION": "eu-west-1",
        "ARTIFACTS_BUCKET": "artifacts",
        "IMAGES_BUCKET": "images",
        "KMS_KEY_ARN": f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/0f1e",
        "FEATURE_GROUP": "line-labels",
        "ATHENA_WORKGROUP": "line-labels",
        "JOB_ROLE_ARN": f"arn:aws:iam::{ACCOUNT}:role/jobs",
        "PIPELINE_ROLE_ARN": f"arn:aws:iam::{ACCOUNT}:role/pipelines",
        "MODEL_CONFIG": json.dumps({"tags": MODEL}),
    }


@pytest.fixture
def settings(build_environment: dict[str, str]) -> Settings:
    return Settings.read(build_environment, "tags")


@pytest.fixture(scope="session")
def model_config() -> dict[str, Any]:
    return dict(MODEL)


@pytest.fixture
def load_entry_point(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], ModuleType]:
    """Imports code/inference.py as the serving container does, and nothing that another test has imported."""

    def load(code: Path) -> ModuleType:
        monkeypatch.syspath_prepend(str(code))
        for name in [name for name in sys.modules if name.split(".")[0] in ("inference", PACKAGE_NAME)]:
            monkeypatch.delitem(sys.modules, name)
        return importlib.import_module("inference")

    return load
