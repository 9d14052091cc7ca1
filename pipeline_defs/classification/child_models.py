"""The children of a parent's evaluation: the versions that are named, fetched by the job's own role."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from pipeline_defs.classification.answering import Answerer, file_answerer, open_classifier
from pipeline_defs.classification.children import Child, children_from
from pipeline_defs.classification.label_map import LabelMap
from pipeline_defs.common.job import JobError
from pipeline_defs.common.model_archive import model_file


def read_children(location: str) -> list[Child]:
    """Read the list that the build wrote, from S3 or a file; none for ""."""
    if not location:
        return []
    with tempfile.TemporaryDirectory() as folder:
        path = _local(location, Path(folder))
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise JobError(f"{location}: cannot be read: {error.strerror}") from error
    return children_from(text, location)


@contextmanager
def child_answerers(children: Sequence[Child], label_map: LabelMap) -> Iterator[Mapping[str, Answerer]]:
    """Give each group's model; JobError where one is not what the parent expects."""
    strange = [child.group for child in children if child.group not in label_map.children]
    if strange:
        raise JobError(f"{', '.join(strange)}: no group of {label_map.model}: another parent's children?")
    with ExitStack() as stack:
        yield {child.group: _open(child, label_map, stack) for child in children}


def _open(child: Child, label_map: LabelMap, stack: ExitStack) -> Answerer:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    path = stack.enter_context(model_file(_local(child.model_data, folder)))
    expected = label_map.children[child.group].label_map_sha256
    return file_answerer(open_classifier(path, expected), child.model_package_arn)


def _local(location: str, folder: Path) -> Path:
    """Return where it lies on this machine: as it is, or fetched from S3 into the folder."""
    where = urlsplit(location)
    if where.scheme != "s3":
        return Path(location)
    import boto3  # only what lies on S3 needs it
    from botocore.exceptions import BotoCoreError, ClientError

    path = folder / Path(where.path).name
    try:
        boto3.client("s3").download_file(where.netloc, where.path.lstrip("/"), str(path))
    except (BotoCoreError, ClientError) as error:
        raise JobError(f"{location}: cannot be fetched: {error}") from error
    return path
