import json
import tarfile
from pathlib import Path

import pytest

from pipeline_defs.classification.shards import INDEX_FILE, ShardWriter, read_shards
from pipeline_defs.common.job import JobError

DATASET = "ab" * 32


def jpeg(number: int) -> bytes:
    return b"\xff\xd8" + bytes([number]) * (number * 37) + b"\xff\xd9"


def write(folder: Path, count: int = 40, shard_bytes: int = 30_000) -> Path:
    with ShardWriter(folder, shard_bytes=shard_bytes) as writer:
        for number in range(count):
            writer.add(jpeg(number))
        writer.finish({"dataset_sha256": DATASET, "encoder": {"short_side": 74}})
    return folder


def read(folder: Path, images: int = 40, dataset: str = DATASET) -> list[bytes]:
    return list(read_shards(folder, dataset_sha256=dataset, images=images, short_side=74))


def test_pictures_are_read_in_their_order(tmp_path: Path) -> None:
    assert read(write(tmp_path)) == [jpeg(number) for number in range(40)]
    assert len(list(tmp_path.glob("pictures-*.tar"))) > 1


def test_no_file_is_larger_than_it_may_be_and_none_is_nearly_empty(tmp_path: Path) -> None:
    sizes = [path.stat().st_size for path in sorted(write(tmp_path).glob("*.tar"))]
    assert max(sizes) <= 30_000
    assert all(size > 15_000 for size in sizes[:-1])


def test_the_same_pictures_are_the_same_files(tmp_path: Path) -> None:
    one, other = write(tmp_path / "one"), write(tmp_path / "other")
    names = sorted(path.name for path in one.iterdir())
    assert [(one / name).read_bytes() for name in names] == [(other / name).read_bytes() for name in names]


def test_any_tar_reads_them(tmp_path: Path) -> None:
    with tarfile.open(write(tmp_path) / "pictures-00000.tar") as tar:
        assert tar.getnames()[:2] == ["000000000.jpg", "000000001.jpg"]
        assert {(member.mtime, member.uid, member.mode) for member in tar} == {(0, 0, 0o644)}


def test_what_was_not_finished_is_not_read(tmp_path: Path) -> None:
    with ShardWriter(tmp_path) as writer:
        writer.add(jpeg(1))
    with pytest.raises(JobError, match=r"encoding\.json: cannot be read \(No such file.*encode the pictures"):
        read(tmp_path)


def test_another_data_set_is_refused(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(JobError, match=r"40 pictures of the data set abab.*, not 41 of abab"):
        read(tmp_path, images=41)
    with pytest.raises(JobError, match=r"encoding\.json: .*encode this data set"):
        read(tmp_path, dataset="cd" * 32)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"images": 40, "shards": [], "dataset_sha256": ""}'])
def test_an_index_of_something_else_is_refused(tmp_path: Path, text: str) -> None:
    (write(tmp_path) / INDEX_FILE).write_text(text)
    with pytest.raises(JobError, match=r"encoding\.json: not the index of encoded pictures"):
        read(tmp_path)


def test_a_file_that_is_missing_or_cut_off_is_named_before_the_first_picture(tmp_path: Path) -> None:
    last = max(write(tmp_path).glob("*.tar"))
    last.write_bytes(last.read_bytes()[:-10240])
    with pytest.raises(JobError, match=rf"{last.name}: \d+ bytes, in encoding\.json \d+"):
        next(read_shards(tmp_path, dataset_sha256=DATASET, images=40, short_side=74))
    last.unlink()
    with pytest.raises(JobError, match=rf"{last.name}: named in encoding\.json, but cannot be read"):
        next(read_shards(tmp_path, dataset_sha256=DATASET, images=40, short_side=74))


def put(path: Path, content: bytes) -> None:
    """Write a file, and its length into the index."""
    path.write_bytes(content)
    index = json.loads((path.parent / INDEX_FILE).read_text())
    index["shards"][0]["bytes"] = len(content)
    (path.parent / INDEX_FILE).write_text(json.dumps(index))


def test_damage_inside_a_file_is_named(tmp_path: Path) -> None:
    path = write(tmp_path) / "pictures-00000.tar"
    whole = path.read_bytes()
    put(path, b"\0" * 5000)
    with pytest.raises(JobError, match=r"pictures-00000\.tar: (not a whole tar|0 pictures)"):
        read(tmp_path)
    put(path, whole[: len(whole) // 2])
    with pytest.raises(JobError, match=r"pictures-00000\.tar: "):
        read(tmp_path)
    put(path, whole.replace(b"000000002.jpg", b"000000003.jpg"))
    with pytest.raises(JobError, match=r"pictures-00000\.tar"):
        read(tmp_path)
    put(path, whole.replace(b"\xff\xd8\x02", b"\xff\xd0\x02"))
    with pytest.raises(JobError, match=r"000000002\.jpg, where 000000002\.jpg, a JPEG, should be"):
        read(tmp_path)
