import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from checked_data import FLOWERS, SPECIES, draw, draw_images, write_dataset, write_settings

from inference.pictures import decode
from pipeline_defs.classification.dataset import Image, read_header, read_images
from pipeline_defs.classification.encoding import encode
from pipeline_defs.classification.scripts.encode_pictures import main
from pipeline_defs.classification.shards import INDEX_FILE, read_shards
from pipeline_defs.common.job import JobError, run


def job(tmp_path: Path, images: list[Image], **options: str) -> None:
    """Run it on these pictures of the model `species`."""
    dataset = write_dataset(tmp_path / "dataset", SPECIES, images)
    settings = write_settings(tmp_path / "species.json", SPECIES)
    given = {
        "settings": str(settings),
        "dataset": str(dataset),
        "output-dir": str(tmp_path / "out"),
        **options,
    }
    main([f"--{name}={value}" for name, value in given.items()])


def file_of(image: Image) -> Path:
    return Path(image.uri.removeprefix("file://"))


def test_every_picture_is_encoded_in_its_place(tmp_path: Path) -> None:
    images = draw_images(tmp_path / "pictures", SPECIES, a_class=20)
    job(tmp_path, images, processes="2")
    header = read_header(tmp_path / "dataset")
    encoded_folder = tmp_path / "out" / "encoded"
    found = read_shards(encoded_folder, dataset_sha256=header.sha256, images=60, short_side=74)
    for image, encoded in zip(read_images(tmp_path / "dataset"), found, strict=True):
        assert encoded == encode(file_of(image).read_bytes(), 64)
        assert decode(encoded).shape == (74, 82, 3)


def test_the_same_data_set_gives_the_same_bytes_whatever_number_of_processes(tmp_path: Path) -> None:
    images = draw_images(tmp_path / "pictures", SPECIES, a_class=14)
    written = []
    for processes in ("1", "3"):
        job(tmp_path, images, processes=processes, **{"output-dir": str(tmp_path / processes)})
        folder = tmp_path / processes / "encoded"
        written.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert written[0] == written[1]
    assert json.loads(written[0][INDEX_FILE])["encoder"]["short_side"] == 74


def test_pictures_that_are_gone_changed_or_none_are_named_and_what_was_whole_stays(tmp_path: Path) -> None:
    images = draw_images(tmp_path / "pictures", SPECIES)
    gone, changed = images[:2]
    job(tmp_path, images)
    before = (tmp_path / "out" / "encoded" / INDEX_FILE).read_bytes()
    file_of(gone).unlink()
    file_of(changed).write_bytes(draw(99))
    with pytest.raises(JobError) as refused:
        job(tmp_path, images)
    assert str(refused.value).startswith("2 of 12 pictures of the data set cannot be had: ")
    assert f"{gone.uri}: cannot be read: No such file or directory" in str(refused.value)
    assert f"{changed.uri}: its bytes are not those that were checked: SHA-256 " in str(refused.value)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["encoded"]
    assert (tmp_path / "out" / "encoded" / INDEX_FILE).read_bytes() == before


def test_a_picture_that_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    images = draw_images(tmp_path / "pictures", SPECIES)
    content = draw(5)[:-200]
    file_of(images[0]).write_bytes(content)
    images[0] = replace(images[0], sha256=hashlib.sha256(content).hexdigest())
    with pytest.raises(JobError, match=f"1 of 12 .*{images[0].uri}: damaged or truncated image"):
        job(tmp_path, images)


def test_where_very_many_are_gone_it_ends_early(tmp_path: Path) -> None:
    images = draw_images(tmp_path / "pictures", SPECIES, a_class=70)
    for image in images:
        file_of(image).unlink()
    with pytest.raises(JobError, match=r"^at least 100 of 210 pictures .*; and 95 more: restore them"):
        job(tmp_path, images)


def test_settings_of_another_model_are_refused(tmp_path: Path) -> None:
    images = draw_images(tmp_path / "pictures", SPECIES)
    other = write_settings(tmp_path / "flowers.json", FLOWERS)
    with pytest.raises(
        JobError, match=r"dataset: of the model 'species', but .*flowers\.json is of 'flowers'"
    ):
        job(tmp_path, images, settings=str(other))


def test_settings_with_other_labels_are_refused(tmp_path: Path) -> None:
    images = draw_images(tmp_path / "pictures", SPECIES)
    moved = replace(SPECIES, labels={"flowers": ("tulip",), "mushroom": ("mushroom",)})
    other = write_settings(tmp_path / "other.json", moved)
    words = r"of .*other\.json: only flowers \(tulip, daffodil\) here, only flowers \(tulip\) there: check"
    with pytest.raises(JobError, match=words):
        job(tmp_path, images, settings=str(other))


def test_a_data_set_that_is_not_there_or_cut_off_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="no picture in this data set"):
        job(tmp_path, [])
    images = draw_images(tmp_path / "pictures", SPECIES)
    dataset = write_dataset(tmp_path / "cut", SPECIES, images)
    (dataset / "images.jsonl").write_bytes((dataset / "images.jsonl").read_bytes()[:-50])
    with pytest.raises(JobError, match=r"images\.jsonl: .*SHA-256"):
        job(tmp_path, images, dataset=str(dataset))
    with pytest.raises(JobError, match="cannot be read"):
        job(tmp_path, images, dataset=str(tmp_path / "none"))


def test_an_error_is_one_line_and_the_exit_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = draw_images(tmp_path / "pictures", SPECIES)
    file_of(images[0]).unlink()
    assert run(lambda: job(tmp_path, images)) == 1
    assert capsys.readouterr().err.startswith("error: 1 of 12 pictures")
