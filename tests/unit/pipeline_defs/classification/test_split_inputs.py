"""What the split does with inputs that are not what they should be: nothing is frozen by them."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from checked_data import SPECIES, write_dataset, write_settings
from split_runs import files, job, prepare, run, side_of

from pipeline_defs.classification.dataset import Image
from pipeline_defs.classification.recordio import BadRecords, Record, RecordReader, RecordWriter
from pipeline_defs.common.job import JobError


def test_a_damaged_frozen_split_ends_the_job_and_stays_as_it_is(tmp_path: Path, images: list[Image]) -> None:
    run(tmp_path / "run", SPECIES, images)
    frozen = tmp_path / "split.bin"
    frozen.write_bytes(damaged := frozen.read_bytes()[:-1] + b"\x7f")
    shutil.rmtree(tmp_path / "run" / "out")
    with pytest.raises(JobError, match=r"split\.bin: damaged or cut off: .*; restore an earlier version"):
        job(tmp_path / "run")
    assert frozen.read_bytes() == damaged
    assert not list((tmp_path / "run" / "out").iterdir())


def test_records_of_another_size_freeze_nothing(tmp_path: Path, images: list[Image]) -> None:
    prepare(tmp_path / "run", SPECIES, images)
    write_settings(tmp_path / "run" / "settings.json", replace(SPECIES, input_size=96))
    with pytest.raises(JobError, match="records: records for an input_size of 64, not 96: write them again"):
        job(tmp_path / "run")
    assert not (tmp_path / "split.bin").exists()


def test_a_record_that_is_not_its_pictures_leaves_the_sides_of_before(
    tmp_path: Path, images: list[Image]
) -> None:
    out = run(tmp_path / "run", SPECIES, images)
    before = files(out)
    records = RecordReader(tmp_path / "run" / "records" / "all.rec")
    start = len(records.framed(0))
    content = bytearray(records.path.read_bytes())
    content[start + 16 : start + 20] = b"\x63\0\0\0"  # the id of the second record
    records.path.write_bytes(content)
    with pytest.raises(BadRecords, match=r"all\.rec: record 1 has the id 99"):
        job(tmp_path / "run")
    assert files(out) == before


def test_records_of_another_data_set_freeze_nothing(tmp_path: Path, images: list[Image]) -> None:
    prepare(tmp_path / "run", SPECIES, images)
    write_dataset(tmp_path / "run" / "dataset", SPECIES, images[1:])
    with pytest.raises(JobError, match=r"records: records of the data set \w+, not \w+: write them again"):
        job(tmp_path / "run")
    assert not (tmp_path / "split.bin").exists()


def test_records_that_are_cut_off_or_missing_freeze_nothing(tmp_path: Path, images: list[Image]) -> None:
    prepare(tmp_path / "run", SPECIES, images)
    records = tmp_path / "run" / "records" / "all.rec"
    whole = records.read_bytes()
    records.write_bytes(whole[:-100])
    with pytest.raises(JobError, match=r"all\.rec: "):
        job(tmp_path / "run")
    records.unlink()
    with pytest.raises(JobError, match=r"all\.rec: cannot be read \(No such file"):
        job(tmp_path / "run")
    (records.parent / "label_map.json").unlink()
    with pytest.raises(JobError, match=r"label_map\.json: no label map of records"):
        job(tmp_path / "run")
    assert not (tmp_path / "split.bin").exists()


def rewritten(records: Path, changed: dict[int, Record], count: int) -> None:
    given = list(RecordReader(records))
    with RecordWriter(records) as writer:
        for place in range(count):
            writer.write(place, changed.get(place, given[place]))


def test_fewer_records_than_pictures_are_refused(tmp_path: Path, images: list[Image]) -> None:
    prepare(tmp_path / "run", SPECIES, images)
    rewritten(tmp_path / "run" / "records" / "all.rec", {}, 35)
    with pytest.raises(JobError, match="35 records, the data set has 36 pictures"):
        job(tmp_path / "run")


def test_a_record_with_another_label_than_its_picture_is_named(tmp_path: Path, images: list[Image]) -> None:
    prepare(tmp_path / "run", SPECIES, images)
    records = tmp_path / "run" / "records" / "all.rec"
    third = RecordReader(records).read(3)
    rewritten(records, {3: replace(third, label=9.0)}, 36)
    with pytest.raises(JobError, match=r"all\.rec: record 3 has the id 3 and the label 9\.0, not 3 and \d"):
        job(tmp_path / "run")
    rewritten(records, {3: replace(third, id=4)}, 36)
    with pytest.raises(JobError, match=r"all\.rec: record 3 has the id 4"):
        job(tmp_path / "run")


def test_a_sample_that_is_gone_is_named(tmp_path: Path, images: list[Image]) -> None:
    sides = side_of(run(tmp_path / "run", SPECIES, images))
    gone = next(uri for uri, side in sides.items() if side == "test")
    Path(gone.removeprefix("file://")).unlink()
    with pytest.raises(JobError, match=f"1 sample pictures of the test side cannot be had: {gone}: "):
        job(tmp_path / "run")


def test_a_picture_that_comes_twice_is_refused(tmp_path: Path, images: list[Image]) -> None:
    prepare(tmp_path / "run", SPECIES, [*images, images[0]])
    with pytest.raises(JobError, match="the data set has a picture twice"):
        job(tmp_path / "run")


def test_too_few_pictures_freeze_nothing(tmp_path: Path, images: list[Image]) -> None:
    prepare(tmp_path / "run", SPECIES, images[:2])
    with pytest.raises(JobError, match="no picture for validation: 2 pictures in 2 groups"):
        job(tmp_path / "run")
    assert not (tmp_path / "split.bin").exists()
