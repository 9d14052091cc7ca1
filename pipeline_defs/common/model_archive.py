"""A trained model as a job finds it: unpacked, or as the model.tar.gz that SageMaker made of it."""

import hashlib
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline_defs.common.job import JobError

MODEL = "model.onnx"
_ARCHIVE = "model.tar.gz"


@contextmanager
def model_file(location: Path) -> Iterator[Path]:
    """Give model.onnx out of a model directory, a model.tar.gz, or a directory that holds one."""
    archive = _archive(location)
    if archive is None:
        yield location / MODEL
        return
    with tempfile.TemporaryDirectory() as folder:
        try:
            with tarfile.open(archive) as tar:
                _extract_model(tar, Path(folder))
        except (OSError, tarfile.TarError, EOFError) as error:
            raise JobError(f"{archive}: no {MODEL} can be taken out of it: {error}") from error
        yield Path(folder) / MODEL


def archive_sha256(location: Path) -> str | None:
    """Hash model.tar.gz; None where the model lies unpacked."""
    archive = _archive(location)
    if archive is None or not archive.is_file():
        return None
    with archive.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _archive(location: Path) -> Path | None:
    """Return the archive; None for a directory without one."""
    if not location.is_dir():
        return location
    archive = location / _ARCHIVE
    return archive if archive.is_file() else None


def _extract_model(tar: tarfile.TarFile, folder: Path) -> None:
    """Archives name their files with or without a leading `./`."""
    for member in tar:
        content = tar.extractfile(member)
        if content and Path(member.name) == Path(MODEL):
            (folder / MODEL).write_bytes(content.read())
            return
    raise tarfile.TarError("it holds none")
