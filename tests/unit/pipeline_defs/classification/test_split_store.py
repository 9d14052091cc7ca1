import hashlib
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError

from pipeline_defs.classification.frozen_split import FrozenSplit, digests_of, parse
from pipeline_defs.classification.split import Assigned, Members, assign
from pipeline_defs.classification.split_store import BucketSplit, FileSplit
from pipeline_defs.common.job import JobError

KEY = "datasets/species/split.bin"


def members(*names: str) -> Members:
    """Pictures of a class each with a group of its own."""
    hashes = [hashlib.sha256(name.encode()).hexdigest() for name in names]
    return Members(digests_of(hashes), np.arange(len(names)), np.zeros(len(names), np.int64))


PARENT = members(*(f"picture {number}" for number in range(40)))
CHILD = members(*(f"picture {number}" for number in range(20, 60)))


def extend(those: Members) -> Callable[[FrozenSplit], Assigned]:
    return lambda before: assign(those, before, seed=7)


class Bucket:
    """An S3 client of one object; a rival may write between a read and a write."""

    def __init__(self, content: bytes | None = None) -> None:
        self.content, self.version, self.writes = content, 1, 0
        self.rival: Callable[[], None] = lambda: None

    def list_objects_v2(self, **_: Any) -> dict[str, Any]:
        return {} if self.content is None else {"Contents": [{"Key": KEY}]}

    def get_object(self, *, Key: str, **_: Any) -> dict[str, Any]:  # noqa: N803 - boto3's own names
        assert Key == KEY
        return {"Body": io.BytesIO(self.content or b""), "ETag": f'"{self.version}"'}

    def put_object(self, *, Body: bytes, **condition: Any) -> None:  # noqa: N803
        rival, self.rival = self.rival, lambda: None
        rival()
        expected = condition.get("IfMatch") == f'"{self.version}"' or (
            condition.get("IfNoneMatch") == "*" and self.content is None
        )
        if not expected:
            raise ClientError({"Error": {"Code": "PreconditionFailed", "Message": ""}}, "PutObject")
        self.content, self.version, self.writes = Body, self.version + 1, self.writes + 1


@pytest.mark.parametrize(("first", "second"), [(PARENT, CHILD), (CHILD, PARENT)])
def test_two_models_of_a_tree_that_freeze_at_the_same_moment_both_end_right(
    first: Members, second: Members
) -> None:
    bucket = Bucket()
    split = BucketSplit(bucket, "artifacts", "species")
    faster: list[Assigned] = []
    bucket.rival = lambda: faster.append(split.extend(extend(second)))
    slower = split.extend(extend(first))
    assert bucket.writes == 2
    frozen = parse(bucket.content or b"", "species", KEY)
    assert len(frozen.digests) == 60
    for those, assigned in ((first, slower), (second, faster[0])):
        assert frozen.sides_of(those.digests).tolist() == assigned.sides.tolist()


def test_nothing_is_written_where_nothing_is_new() -> None:
    bucket = Bucket()
    split = BucketSplit(bucket, "artifacts", "species")
    first = split.extend(extend(PARENT))
    again = split.extend(lambda before: assign(PARENT, before, seed=8))
    assert bucket.writes == 1
    assert again.sides.tolist() == first.sides.tolist()


def test_a_damaged_frozen_split_is_named_and_left_alone() -> None:
    bucket = Bucket()
    split = BucketSplit(bucket, "artifacts", "species")
    split.extend(extend(PARENT))
    bucket.content = damaged = (bucket.content or b"")[:-3]
    with pytest.raises(JobError, match=f"^s3://artifacts/{KEY}: damaged or cut off.*restore an earlier"):
        split.extend(extend(CHILD))
    assert bucket.content == damaged


def test_the_split_of_another_tree_is_not_taken() -> None:
    bucket = Bucket()
    BucketSplit(bucket, "artifacts", "species").extend(extend(PARENT))
    with pytest.raises(JobError, match="the frozen split of the tree 'species', not of 'birds'"):
        parse(bucket.content or b"", "birds", KEY)


def test_a_split_that_fails_freezes_nothing(tmp_path: Path) -> None:
    bucket = Bucket()
    for split in (BucketSplit(bucket, "artifacts", "species"), FileSplit(tmp_path / "split", "species")):
        with pytest.raises(JobError, match="no picture for"):
            split.extend(extend(members("alone")))
    assert bucket.content is None
    assert not (tmp_path / "split").exists()


def test_a_file_keeps_the_very_bytes_that_the_bucket_keeps(tmp_path: Path) -> None:
    bucket, path = Bucket(), tmp_path / "new" / "split.bin"
    for those in (CHILD, PARENT):
        on_s3 = BucketSplit(bucket, "artifacts", "species").extend(extend(those))
        in_file = FileSplit(path, "species").extend(extend(those))
        assert on_s3.sides.tolist() == in_file.sides.tolist()
    assert path.read_bytes() == bucket.content


def test_runs_that_meet_at_a_file_all_end_right(tmp_path: Path) -> None:
    split = FileSplit(tmp_path / "split.bin", "species")
    models = [members(*(f"picture {number}" for number in range(at, at + 30))) for at in range(0, 90, 10)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda those: split.extend(extend(those)).sides.tolist(), models))
    frozen = parse((tmp_path / "split.bin").read_bytes(), "species", "here")
    assert [frozen.sides_of(those.digests).tolist() for those in models] == found


def test_a_place_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JobError, match=r"--split-file .*/file/split: (Not a directory|File exists)"):
        FileSplit(tmp_path / "file" / "split", "species").extend(extend(PARENT))
