"""A component's files on the device: downloaded with the device's own credentials, checked, unpacked."""

import base64
import hashlib
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local.greengrass.recipe import Artifact, Recipe


class NotInstalled(Exception):  # noqa: N818 - the name that callers read
    """Artifacts that could not be brought onto the device. `codes` are those of an effective deployment."""

    def __init__(self, message: str, *codes: str) -> None:
        super().__init__(message)
        self.codes = codes


class Packages:
    """The directories that both nuclei have: packages/artifacts, packages/artifacts-unarchived, work."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def variables(self, recipe: Recipe, thing: str) -> dict[str, str]:
        """Return the recipe variables that both nuclei know, the configuration's left out."""
        return {
            "iot:thingName": thing,
            "kernel:rootPath": str(self.root),
            "work:path": str(self.work(recipe.name)),
            "artifacts:path": str(self._directory("artifacts", recipe)),
            "artifacts:decompressedPath": str(self._directory("artifacts-unarchived", recipe)),
        }

    def work(self, component: str) -> Path:
        """Return the component's work directory, which is there."""
        directory = self.root / "work" / component
        directory.mkdir(parents=True, exist_ok=True)
        return directory

    def fetch(
        self, recipe: Recipe, credentials: Mapping[str, str], region: str, endpoint: str | None
    ) -> None:
        """Bring every artifact of a component onto the device. Raises NotInstalled."""
        for artifact in recipe.artifacts:
            path = self._directory("artifacts", recipe) / artifact.file_name
            digest = recipe.digests.get(artifact.uri)
            if not (path.exists() and _digest(path) == digest):
                _download(artifact, path, _client(credentials, region, endpoint))
            if digest is None or _digest(path) != digest:
                path.unlink()
                raise NotInstalled(
                    f"{artifact.uri}: its SHA-256 is not that of {recipe.name} {recipe.version}",
                    "ARTIFACT_DOWNLOAD_ERROR",
                    "ARTIFACT_CHECKSUM_MISMATCH",
                )
            if artifact.unarchive:
                _unpack(path, self._directory("artifacts-unarchived", recipe) / path.stem)

    def _directory(self, kind: str, recipe: Recipe) -> Path:
        directory = self.root / "packages" / kind / recipe.name / str(recipe.version)
        directory.mkdir(parents=True, exist_ok=True)
        return directory


def _client(credentials: Mapping[str, str], region: str, endpoint: str | None) -> Any:
    session = boto3.Session(
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["Token"],
        region_name=region,
    )
    config = Config(s3={"addressing_style": "path"}) if endpoint else None
    return session.client("s3", endpoint_url=endpoint, config=config)


def _download(artifact: Artifact, path: Path, s3: Any) -> None:
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            shutil.copyfileobj(s3.get_object(Bucket=artifact.bucket, Key=artifact.key)["Body"], file)
    except ClientError as error:
        codes = ("ARTIFACT_DOWNLOAD_ERROR", "S3_ERROR", f"S3_{error.response['Error']['Code'].upper()}")
        raise NotInstalled(f"{artifact.uri}: {error}", *codes) from error
    except (BotoCoreError, OSError) as error:
        raise NotInstalled(f"{artifact.uri}: {error}", "ARTIFACT_DOWNLOAD_ERROR", "IO_ERROR") from error
    part.replace(path)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return base64.b64encode(hashlib.file_digest(file, "sha256").digest()).decode()


def _unpack(archive: Path, directory: Path) -> None:
    """Unpack below a directory named as the archive, as the nuclei do; nothing may lie outside of it."""
    shutil.rmtree(directory, ignore_errors=True)
    try:
        with zipfile.ZipFile(archive) as content:
            content.extractall(directory)
    except (zipfile.BadZipFile, OSError) as error:
        codes = ("ARTIFACT_DOWNLOAD_ERROR", "IO_UNZIP_ERROR")
        raise NotInstalled(f"{archive.name} cannot be unpacked: {error}", *codes) from error
