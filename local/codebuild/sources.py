"""Where the source of a build comes from: S3, the artifacts of a pipeline, CodeCommit, or nowhere."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local.codebuild.archive import unpack
from local.codebuild.phase_error import PhaseError, refusal
from local.codebuild.pipeline_run import S3Location
from local.codebuild.role_access import GitArchive


@dataclass(frozen=True)
class Source:
    """One source that was fetched: its folder, and what CODEBUILD_SOURCE_… says of it."""

    folder: Path
    url: str = ""
    version: str = ""
    resolved: str = ""


class Sources:
    """Fetches sources with the clients of the build's role; `git` gives what CodeCommit has."""

    def __init__(self, s3: Any, git: GitArchive, scratch: Path) -> None:
        self._s3, self._git, self._scratch = s3, git, scratch

    def fetch(self, source: Mapping[str, Any], version: str, folder: Path) -> Source:
        """Fetch a project's source, in the form of the API; raises PhaseError."""
        folder.mkdir(parents=True, exist_ok=True)
        if source["type"] == "NO_SOURCE":
            return Source(folder)
        if source["type"] == "CODECOMMIT":
            return self._fetch_repository(source["location"], version, folder)
        bucket, _, key = source["location"].removeprefix("arn:aws:s3:::").partition("/")
        url = f"s3://{bucket}/{key}"
        if key.endswith("/") or not key:
            self._fetch_folder(bucket, key, folder)
            return Source(folder, url, version)
        self.fetch_zip(S3Location(bucket, key, version), folder)
        return Source(folder, url, version)

    def fetch_zip(self, location: S3Location, folder: Path) -> None:
        """Fetch an object and unpack it; raises PhaseError."""
        archive = self._scratch / "source.zip"
        extra = {"VersionId": location.version} if location.version else None
        try:
            self._s3.download_file(location.bucket, location.key, str(archive), ExtraArgs=extra)
            unpack(archive, folder)
        except ClientError as error:
            raise _failed(f"s3:GetObject on {location.arn}", error) from error
        except (zipfile.BadZipFile, ValueError) as error:
            message = f"{location.arn} cannot be unpacked: {error}"
            raise PhaseError("CLIENT_ERROR", message) from error
        finally:
            archive.unlink(missing_ok=True)

    def read_text(self, location: S3Location) -> str:
        """Read an object, a buildspec; raises PhaseError."""
        try:
            body = self._s3.get_object(Bucket=location.bucket, Key=location.key)["Body"]
        except ClientError as error:
            raise _failed(f"s3:GetObject on {location.arn}", error) from error
        return str(body.read().decode())

    def _fetch_folder(self, bucket: str, prefix: str, folder: Path) -> None:
        try:
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
            for key in (key for key in keys if not key.endswith("/")):
                target = folder / key.removeprefix(prefix)
                target.parent.mkdir(parents=True, exist_ok=True)
                self._s3.download_file(bucket, key, str(target))
        except ClientError as error:
            raise _failed(f"s3:ListBucket and s3:GetObject on {bucket}/{prefix}", error) from error

    def _fetch_repository(self, location: str, version: str, folder: Path) -> Source:
        repository = location.rstrip("/").rpartition("/")[2]
        content, commit = self._git(repository, version)
        archive = self._scratch / "source.zip"
        archive.write_bytes(content)
        unpack(archive, folder)
        archive.unlink()
        return Source(folder, location, version or commit, commit)


def _failed(doing: str, error: ClientError) -> PhaseError:
    return PhaseError("CLIENT_ERROR", f"{doing}: {refusal(error)}")
