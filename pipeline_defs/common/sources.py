"""The code that jobs run, stored under the hash of its content: the same sources are never uploaded twice."""

import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

PACKAGES = ("pipeline_defs", "inference")
REQUIREMENTS = "requirements-jobs.txt"
ARCHIVE = "sourcedir.tar.gz"
_KINDS = {".py", ".sh", ".txt"}


@dataclass(frozen=True)
class Sources:
    """What a job finds in its working directory, path -> content, and the prefix that it is stored under."""

    files: Mapping[str, bytes]

    @classmethod
    def collect(cls, root: Path) -> "Sources":
        """Read the packages and requirements of the jobs from a checkout of the repository."""
        paths = [path for package in PACKAGES for path in (root / package).rglob("*")]
        files = {
            path.relative_to(root).as_posix(): path.read_bytes()
            for path in paths
            if path.suffix in _KINDS and path.is_file()
        }
        requirements = (root / REQUIREMENTS).read_bytes()
        files[REQUIREMENTS] = requirements
        # The training toolkit installs the file of this name before it runs the script.
        files["requirements.txt"] = requirements
        return cls(dict(sorted(files.items())))

    def with_files(self, more: Mapping[str, bytes]) -> "Sources":
        """Add files that are made for one model; they are part of the hash."""
        return Sources(dict(sorted({**self.files, **more}.items())))

    @property
    def prefix(self) -> str:
        """`code/<hash>/`, the hash being that of every path and content."""
        digest = hashlib.sha256()
        for path, content in self.files.items():
            digest.update(f"{path}\0{len(content)}\0".encode())
            digest.update(content)
        return f"code/{digest.hexdigest()[:32]}/"

    def archive(self) -> bytes:
        """The files as a gzipped tar, byte for byte the same for the same files."""
        raw = io.BytesIO()
        with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for path, content in self.files.items():
                entry = tarfile.TarInfo(path)
                entry.size = len(content)
                entry.mode = 0o755 if path.endswith(".sh") else 0o644
                tar.addfile(entry, io.BytesIO(content))
        packed = io.BytesIO()
        with gzip.GzipFile(filename="", fileobj=packed, mode="wb", mtime=0) as zipped:
            zipped.write(raw.getvalue())
        return packed.getvalue()

    def upload(self, s3: Any, bucket: str) -> bool:
        """Store what is not there yet; False if the same sources were stored before.

        The archive goes last: where it is, everything else is. The bucket's default encryption applies.
        """
        archive_key = f"{self.prefix}{ARCHIVE}"
        if _exists(s3, bucket, archive_key):
            return False
        for path, content in self.files.items():
            s3.put_object(Bucket=bucket, Key=f"{self.prefix}{path}", Body=content)
        s3.put_object(Bucket=bucket, Key=archive_key, Body=self.archive())
        return True


def _exists(s3: Any, bucket: str, key: str) -> bool:
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return False
        raise
    return True
