"""Between S3 and folders, with the credentials of whoever a job or a model runs as."""

from __future__ import annotations

import shutil
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

_AT_ONCE = 4


class NoObjectsError(Exception):
    """Nothing on S3 is under the given address."""


def bucket_and_key(uri: str) -> tuple[str, str]:
    """Split `s3://bucket/key`; ValueError for anything else."""
    parts = urlparse(uri, allow_fragments=False)
    if parts.scheme != "s3" or not parts.netloc:
        raise ValueError(f"{uri!r} is not an S3 URI")
    return parts.netloc, uri.removeprefix(f"s3://{parts.netloc}").lstrip("/")


def download_prefix(s3: Any, uri: str, folder: Path) -> int:
    """Fetch all objects under an S3 prefix (or the one object of that very key) and count them.

    A key's path below the prefix is its path below `folder`. Raises NoObjectsError if there are none.
    """
    bucket, prefix = bucket_and_key(uri)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    files = {key: folder / _relative(key, prefix) for key in keys if not key.endswith("/")}
    if not files:
        raise NoObjectsError(f"No S3 objects found under S3 URL {uri!r}")
    root = folder.resolve()
    for path in files.values():
        if not path.resolve().is_relative_to(root):
            raise ValueError(f"{uri}: a key leads out of the folder: {path}")
        path.parent.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(lambda item: s3.download_file(bucket, item[0], str(item[1])), files.items()))
    return len(files)


def _relative(key: str, prefix: str) -> str:
    rest = key.removeprefix(prefix)
    if not rest:
        return key.rsplit("/", 1)[-1]
    if rest.startswith("/") or prefix.endswith("/") or not prefix:
        return rest.lstrip("/")
    return key[prefix.rfind("/") + 1 :]  # the prefix ends inside a name: keep that name


def download_object(s3: Any, uri: str, path: Path) -> None:
    """Fetch one object into a file."""
    bucket, key = bucket_and_key(uri)
    path.parent.mkdir(parents=True, exist_ok=True)
    s3.download_file(bucket, key, str(path))


def upload_file(s3: Any, path: Path, uri: str, kms_key: str | None = None) -> None:
    """Put a file under an S3 key, encrypted with the key if one is given."""
    bucket, key = bucket_and_key(uri)
    extra = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}
    s3.upload_file(str(path), bucket, key, ExtraArgs=extra)


def upload_folder(s3: Any, folder: Path, uri: str, kms_key: str | None = None) -> int:
    """Put all files of a folder under an S3 prefix and count them."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    base = uri.rstrip("/")
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(lambda p: upload_file(s3, p, f"{base}/{p.relative_to(folder)}", kms_key), files))
    return len(files)


def pack(folder: Path, archive: Path) -> None:
    """Make `archive` (tar.gz) of what is in a folder."""
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        for path in sorted(folder.iterdir()):
            tar.add(path, path.name)


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a tar.gz of files and folders; what leads out of the folder is refused (tarfile.TarError).

    Member by member: the filters of `extractall` are not in every Python 3.11.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive, "r:*") as tar:
        for member in tar:
            _unpack_member(tar, member, folder.resolve())


def _unpack_member(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    target = (folder / member.name).resolve()
    if not target.is_relative_to(folder) or not (member.isfile() or member.isdir()):
        raise tarfile.TarError(f"{member.name!r} is no file or folder inside of the archive's own")
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    content = tar.extractfile(member)
    assert content is not None  # noqa: S101 - a regular file has content
    with content, target.open("wb") as file:
        shutil.copyfileobj(content, file)
    target.chmod(member.mode & 0o755 | 0o600)
