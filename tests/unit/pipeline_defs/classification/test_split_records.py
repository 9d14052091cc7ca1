import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from checked_data import FLOWERS, SPECIES, relabelled
from split_runs import SIDES, job, prepare, read, run, side_of, uris

from pipeline_defs.classification import samples
from pipeline_defs.classification.dataset import Image, file_sha256, read_header
from pipeline_defs.classification.label_map import label_map_from
from pipeline_defs.classification.recordio import RecordReader
from pipeline_defs.classification.settings import label_map
from pipeline_defs.common.job import JobError


def test_every_picture_is_on_one_side_and_full_is_all_that_may_be_trained_on(
    tmp_path: Path, images: list[Image]
) -> None:
    out = run(tmp_path / "run", SPECIES, images)
    assert sorted(uri for side in SIDES for uri in uris(out, side)) == sorted(image.uri for image in images)
    assert sorted(uris(out, "full")) == sorted(uris(out, "train") + uris(out, "validation"))
    assert uris(out, "full") != uris(out, "train") + uris(out, "validation")  # but in the data set's order
    counts = {side: len(uris(out, side)) for side in SIDES}
    assert counts == {"train": 24, "validation": 6, "test": 6}


def test_a_sides_records_are_those_of_the_data_set_under_their_old_numbers(
    tmp_path: Path, images: list[Image]
) -> None:
    out = run(tmp_path / "run", SPECIES, images)
    every = RecordReader(tmp_path / "run" / "records" / "all.rec")
    in_order = sorted(images, key=lambda image: image.sha256)
    for side in ("full", *SIDES):
        reader = RecordReader(out / side / f"{side}.rec")
        assert [in_order[record.id].uri for record in reader] == uris(out, side)
        assert [record.id for record in reader] == reader.keys.tolist()
        assert all(record == every.read(record.id) for record in reader)
        document = read(out / side / "label_map.json")
        assert label_map_from(document) == label_map(SPECIES)
        assert document["dataset_sha256"] == read_header(tmp_path / "run" / "dataset").sha256


def test_the_test_side_has_pictures_as_they_were_photographed(tmp_path: Path, images: list[Image]) -> None:
    out = run(tmp_path / "run", SPECIES, images)
    labels = read(out / "test" / "labels.json")
    assert labels["classes"] == ["flowers", "mushroom"]
    assert labels["dataset_sha256"] == read_header(tmp_path / "run" / "dataset").sha256
    assert labels["records"] == {"file": "test.rec", "sha256": file_sha256(out / "test" / "test.rec")}
    assert {entry["uri"] for entry in labels["images"]} == set(uris(out, "test"))
    for entry in labels["images"]:
        assert (entry["width"], entry["height"]) == (90, 80)
        assert entry["file"] == f"images/{entry['sha256'][:16]}.jpg"
        assert (out / "test" / entry["file"]).read_bytes() == Path(entry["uri"][7:]).read_bytes()
        assert entry["label"] == SPECIES.label_of()[entry["class"]]


def test_samples_are_few_and_of_all_labels(images: list[Image]) -> None:
    chosen = samples.Samples()
    for image in images * 3:
        chosen.consider(image)
    labels = [image.label for image in chosen.chosen()]
    assert len(labels) == 20
    assert Counter(labels) == {"flowers": 10, "mushroom": 10}


def test_pictures_that_no_endpoint_takes_are_no_samples(images: list[Image]) -> None:
    chosen = samples.Samples()
    chosen.consider(replace(images[0], size=5_000_000))
    with pytest.raises(JobError, match="no picture of the test side has 4000000 bytes or less"):
        chosen.chosen()
    chosen.consider(images[1])
    assert chosen.chosen() == [images[1]]


def test_the_report_counts_by_side_and_class(tmp_path: Path, images: list[Image]) -> None:
    out = run(tmp_path / "run", SPECIES, images)
    report = read(out / "split" / "report.json")
    by_class = {side: Counter(uri.split("/")[-2] for uri in uris(out, side)) for side in SIDES}
    assert {side: report["sides"][side]["by_class"] for side in SIDES} == by_class
    assert {side: report["sides"][side]["groups"] for side in SIDES} == {
        "train": 24,
        "validation": 6,
        "test": 6,
    }
    assert (report["full"]["pictures"], report["frozen"], report["lacking"]) == (30, 36, [])
    assert (report["set_aside"], report["torn"]) == ([], {"pictures": 0, "first": []})


def test_a_picture_that_ties_two_sides_is_named_and_in_no_file(
    tmp_path: Path, images: list[Image], capsys: pytest.CaptureFixture[str]
) -> None:
    *old, new = images
    sides = side_of(run(tmp_path / "before", SPECIES, old))
    one = next(image for image in old if sides[image.uri] == "train")
    other = next(image for image in old if sides[image.uri] == "test")
    tied = [replace(image, group="tied") if image in (one, other, new) else image for image in images]
    out = run(tmp_path / "after", SPECIES, tied)
    reason = "ties near-duplicates on two sides of the frozen split together (train and test)"
    report = read(out / "split" / "report.json")
    assert report["set_aside"] == [{"uri": new.uri, "sha256": new.sha256, "reason": reason}]
    assert report["torn"]["pictures"] == 2
    assert {entry["uri"] for entry in report["torn"]["first"]} == {one.uri, other.uri}
    assert side_of(out) == sides
    assert new.uri not in uris(out, "full")
    assert f"set aside {new.uri}: {reason}" in capsys.readouterr().out


@pytest.mark.parametrize("child_first", [True, False])
def test_what_a_child_is_trained_on_is_in_no_test_of_its_parent(
    tmp_path: Path, images: list[Image], child_first: bool
) -> None:
    of_child = relabelled(images, FLOWERS.label_of())
    for name in ("flowers", "species") if child_first else ("species", "flowers"):
        if name == "flowers":
            child = run(tmp_path / name, FLOWERS, of_child)
        else:
            parent = run(tmp_path / name, SPECIES, images)
    assert side_of(child).items() <= side_of(parent).items()
    assert not set(uris(child, "full")) & set(uris(parent, "test"))
    assert [record.label for record in RecordReader(child / "test" / "test.rec")].count(1.0) == 2


def test_the_same_seed_is_the_same_split_and_another_seed_another(
    tmp_path: Path, images: list[Image]
) -> None:
    prepare(tmp_path / "run", SPECIES, images)
    sides = [side_of(job(tmp_path / "run", seed=seed, split=tmp_path / f"{number}.bin"))
             for number, seed in enumerate((7, 7, 8))]  # fmt: skip
    assert sides[0] == sides[1] != sides[2]
    assert (tmp_path / "0.bin").read_bytes() == (tmp_path / "1.bin").read_bytes()


def test_the_same_inputs_give_the_same_files(tmp_path: Path, images: list[Image]) -> None:
    out = run(tmp_path / "run", SPECIES, images)
    files = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    shutil.rmtree(out)
    again = job(tmp_path / "run", seed=8)
    written = {path: path.read_bytes() for path in again.rglob("*") if path.is_file()}
    report = again / "split" / "report.json"
    assert {**read(report), "seed": 7} == json.loads(files.pop(report))
    del written[report]
    assert written == files
    assert len(files) == 4 * 4 + 1 + 6


def test_more_pictures_and_another_seed_move_none_that_was_there(
    tmp_path: Path, images: list[Image], capsys: pytest.CaptureFixture[str]
) -> None:
    before = side_of(run(tmp_path / "before", SPECIES, images[::2]))
    after = side_of(run(tmp_path / "after", SPECIES, images, seed=8))
    assert before.items() < after.items()
    assert capsys.readouterr().out.splitlines()[-1].endswith(f"; {len(before)} keep the side that they had")
