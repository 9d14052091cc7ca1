import json
from dataclasses import replace
from pathlib import Path

import pytest
from checked_data import FLOWERS, SPECIES, draw_images, write_dataset, write_settings
from split_runs import write_encoded

from pipeline_defs.classification.dataset import Image, read_header
from pipeline_defs.classification.encoding import encode
from pipeline_defs.classification.label_map import LabelMap, label_map_from
from pipeline_defs.classification.labeled_records import LabeledRecords
from pipeline_defs.classification.recordio import RecordReader
from pipeline_defs.classification.scripts.write_records import main
from pipeline_defs.classification.settings import ClassificationSettings, label_map
from pipeline_defs.common.job import JobError

GOLDEN = Path(__file__).parent / "golden"
CLASSES = ["tulip", "daffodil", "mushroom"]  # of SPECIES: the child's, then its own


def job(tmp_path: Path, settings: ClassificationSettings = SPECIES, **options: Path) -> Path:
    """Run it on dataset/ and encoded/; return records/."""
    given = {
        "settings": write_settings(tmp_path / "settings.json", settings),
        "dataset": tmp_path / "dataset",
        "encoded": tmp_path / "encoded",
        "output-dir": tmp_path / "out",
        **options,
    }
    main([f"--{name}={value}" for name, value in given.items()])
    return tmp_path / "out" / "records"


def prepared(tmp_path: Path, settings: ClassificationSettings = SPECIES) -> list[Image]:
    images = draw_images(tmp_path / "pictures", settings)
    write_dataset(tmp_path / "dataset", settings, images)
    write_encoded(tmp_path / "encoded", tmp_path / "dataset")
    return sorted(images, key=lambda image: image.sha256)


def test_every_picture_is_a_record_with_its_class_and_its_place(tmp_path: Path) -> None:
    images = prepared(tmp_path)
    reader = RecordReader(job(tmp_path) / "all.rec")
    assert len(reader) == len(images) == 12
    for place, (image, record) in enumerate(zip(images, reader, strict=True)):
        assert (record.id, int(reader.keys[place])) == (place, place)
        assert record.label == CLASSES.index(image.class_name)
        assert record.payload == encode(Path(image.uri.removeprefix("file://")).read_bytes(), 64)


def test_the_list_names_each_record_with_its_class_and_picture(tmp_path: Path) -> None:
    images = prepared(tmp_path)
    lines = (job(tmp_path) / "all.lst").read_text().splitlines()
    assert lines == [
        f"{place}\t{CLASSES.index(image.class_name):.6f}\t{image.uri}" for place, image in enumerate(images)
    ]


def test_the_label_map_says_what_the_numbers_and_the_labels_are_and_whose(tmp_path: Path) -> None:
    prepared(tmp_path)
    document = json.loads((job(tmp_path) / "label_map.json").read_text())
    assert label_map_from(document) == label_map(SPECIES)
    assert document["classes"] == CLASSES
    assert document["children"]["flowers"]["label_map_sha256"] == label_map(FLOWERS).sha256
    assert document["dataset_sha256"] == read_header(tmp_path / "dataset").sha256


def test_the_files_are_byte_for_byte_what_mxnets_im2rec_makes_of_the_same_pictures(tmp_path: Path) -> None:
    files = sorted((GOLDEN / "pictures").rglob("*.jpg"))
    classes = ("daffodil", "heron", "tulip")
    header = read_header(write_dataset(tmp_path / "dataset", FLOWERS, []))
    with LabeledRecords(tmp_path / "out", "im2rec", LabelMap("flowers", classes), header, 64) as records:
        for place, file in enumerate(files):
            uri = file.relative_to(GOLDEN / "pictures").as_posix()
            records.write(place, classes.index(file.parent.name), file.read_bytes(), uri)
    for kind in ("rec", "idx", "lst"):
        assert (tmp_path / "out" / f"im2rec.{kind}").read_bytes() == (GOLDEN / f"im2rec.{kind}").read_bytes()


def test_a_name_with_tabs_and_line_ends_stays_one_line_of_the_list(tmp_path: Path) -> None:
    header = read_header(write_dataset(tmp_path / "dataset", FLOWERS, []))
    with LabeledRecords(tmp_path / "out", "all", LabelMap("flowers", ("tulip",)), header, 64) as records:
        records.write(0, 0, b"", "s3://images/a\tb\nc\r%d.jpg")
    assert (tmp_path / "out" / "all.lst").read_text() == "0\t0.000000\ts3://images/a%09b%0Ac%0D%d.jpg\n"


def test_the_same_inputs_give_the_same_files(tmp_path: Path) -> None:
    prepared(tmp_path)
    one = {path.name: path.read_bytes() for path in job(tmp_path).iterdir()}
    other = {path.name: path.read_bytes() for path in job(tmp_path).iterdir()}
    assert one == other
    assert sorted(one) == ["all.idx", "all.lst", "all.rec", "label_map.json"]


def test_pictures_of_another_data_set_are_refused(tmp_path: Path) -> None:
    images = prepared(tmp_path)
    write_dataset(tmp_path / "dataset", SPECIES, images[1:])
    with pytest.raises(JobError, match=r"encoding\.json: 12 pictures of the data set .*, not 11 of"):
        job(tmp_path)


def test_pictures_that_were_not_encoded_to_the_end_are_refused(tmp_path: Path) -> None:
    prepared(tmp_path)
    (tmp_path / "encoded" / "encoding.json").unlink()
    with pytest.raises(JobError, match=r"encoding\.json: cannot be read .*: encode the pictures to the end"):
        job(tmp_path)


def test_pictures_of_another_size_are_refused(tmp_path: Path) -> None:
    prepared(tmp_path)
    with pytest.raises(JobError, match=r"encoding\.json: .* short side of 74 pixels, .* takes 110: encode"):
        job(tmp_path, replace(SPECIES, input_size=96))


def test_settings_of_another_model_are_refused(tmp_path: Path) -> None:
    prepared(tmp_path)
    with pytest.raises(JobError, match="of the model 'species', but"):
        job(tmp_path, FLOWERS)


def test_a_picture_of_a_class_that_is_not_the_models_is_refused(tmp_path: Path) -> None:
    images = prepared(tmp_path)
    images[3] = replace(images[3], class_name="cherry")
    write_dataset(tmp_path / "dataset", SPECIES, images)
    write_encoded(tmp_path / "encoded", tmp_path / "dataset")
    with pytest.raises(JobError, match=f"{images[3].uri}: species has no class 'cherry'"):
        job(tmp_path)
