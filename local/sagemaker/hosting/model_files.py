"""The unpacked archive of a model, fetched with the credentials of its execution role."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from local.cloud.errors import AwsError
from local.sagemaker.hosting.instance import UnhealthyError
from local.sagemaker.model import CREDENTIALS_SECONDS, SERVICE
from local.sagemaker.requirements import unsatisfied
from local.sagemaker.s3_transfer import download_object, unpack

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud


@dataclass(frozen=True)
class ModelFiles:
    """A model as the serving process needs it: its folder and the environment of its container.

    `logs` is a CloudWatch Logs client of the model's execution role, which SageMaker writes the log with.
    """

    folder: Path
    environment: Mapping[str, str]
    logs: Any


def fetch_model(cloud: LocalCloud, model: Mapping[str, Any], folder: Path) -> ModelFiles:
    """Download and unpack model.tar.gz; UnhealthyError tells the endpoint's failure reason."""
    container, role = model["Container"], model["ExecutionRoleArn"]
    url = container["ModelDataUrl"]
    archive, unpacked = folder / "model.tar.gz", folder / "model"
    try:
        credentials = cloud.service_credentials(
            role, SERVICE, model["ModelName"][:64], lifetime_seconds=CREDENTIALS_SECONDS
        )
        session = cloud.session(credentials)
        download_object(session.client("s3"), url, archive)
        shutil.rmtree(unpacked, ignore_errors=True)  # of an earlier run, or a component of the same name
        unpack(archive, unpacked)
    except (AwsError, ClientError, BotoCoreError, ValueError, OSError) as error:
        raise UnhealthyError(f"Failed to download model data from {url} as {role}: {error}") from error
    except (tarfile.TarError, EOFError) as error:
        raise UnhealthyError(f"Model data at {url} is no sound tar.gz: {error}") from error
    if missing := unsatisfied(unpacked / "code/requirements.txt"):
        raise UnhealthyError(f"code/requirements.txt is not satisfied here: {'; '.join(missing)}")
    environment = {
        "SM_MODEL_DIR": str(unpacked),
        "AWS_REGION": cloud.region,
        **{
            name: value.replace("/opt/ml/model", str(unpacked))
            for name, value in container.get("Environment", {}).items()
        },
        **cloud.environment(credentials),
    }
    return ModelFiles(unpacked, environment, session.client("logs"))
