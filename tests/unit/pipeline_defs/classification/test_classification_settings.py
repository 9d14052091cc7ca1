import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline_defs.classification.label_map import LabelMapError, label_map_from, labels_sha256
from pipeline_defs.classification.settings import (
    ClassificationSettings,
    Quality,
    Tuning,
    label_map,
    read_settings,
    settings_from,
    settings_json,
)
from pipeline_defs.common.job import JobError

SPECIES = ClassificationSettings(
    name="species",
    tree="species",
    labels={"trees": ("oak", "ash"), "flowers": ("tulip",), "mushroom": ("mushroom",)},
    children={"trees": "trees", "flowers": "flowers"},
    source="s3://images/images/species/",
    tuning=Tuning(strategy="bayesian", width=(8, 16)),
    quality=Quality(formats=("JPEG",)),
)
FLOWERS = ClassificationSettings("flowers", "species", {"tulip": ("tulip",)}, "s3://images/images/species/")


def test_what_is_written_is_read_again_in_its_order(tmp_path: Path) -> None:
    path = tmp_path / "species.json"
    path.write_text(settings_json(SPECIES))
    read = read_settings(path)
    assert read == SPECIES
    assert list(read.labels) == ["trees", "flowers", "mushroom"]
    assert settings_json(read) == path.read_text()


def test_classes_know_their_label() -> None:
    assert SPECIES.classes == ("oak", "ash", "tulip", "mushroom")
    assert SPECIES.label_of()["ash"] == "trees"


def test_what_is_left_out_has_a_default() -> None:
    assert settings_from({"name": "a", "tree": "a", "labels": {"x": ["x"]}, "source": "s3://b/"}).epochs == 30


@pytest.mark.parametrize(
    "wrong",
    [{"labels": None}, {"colour": 1}, {"tuning": {"trials": 3}}, {"children": {"birds": "birds"}}],
)
def test_wrong_settings_are_one_clear_line(tmp_path: Path, wrong: dict[str, object]) -> None:
    path = tmp_path / "species.json"
    path.write_text(json.dumps({**json.loads(settings_json(SPECIES)), **wrong}))
    with pytest.raises(JobError, match=r"species\.json: not the settings"):
        read_settings(path)


def test_a_class_belongs_to_one_label() -> None:
    with pytest.raises(LabelMapError, match="oak: a class of two labels"):
        settings_from({"name": "a", "tree": "a", "labels": {"x": ["oak"], "y": ["oak"]}, "source": "s3://b/"})


def test_a_parent_expects_of_a_child_the_childs_own_label_map() -> None:
    assert label_map(SPECIES).children["flowers"].label_map_sha256 == label_map(FLOWERS).sha256
    other = replace(FLOWERS, labels={"tulip": ("tulip",), "daffodil": ("daffodil",)})
    assert label_map(SPECIES).children["flowers"].label_map_sha256 != label_map(other).sha256


def test_the_order_of_labels_is_part_of_their_hash() -> None:
    assert labels_sha256(["a", "b"]) != labels_sha256(["b", "a"])
    # Recorded once: packages carry it, so that it may never change.
    assert labels_sha256(["daffodil", "tulip"]).startswith("bece7f47481a2cb2")


def test_a_label_map_comes_back_from_its_document() -> None:
    found = label_map(SPECIES)
    assert label_map_from(found.document()) == found


@pytest.mark.parametrize(
    "wrong", [{"labels": ["a"]}, {"sha256": "0"}, {"children": {"trees": {"model": "trees"}}}, {"model": 1}]
)
def test_a_label_map_that_is_not_what_it_says_is_refused(wrong: dict[str, object]) -> None:
    document = {**label_map(SPECIES).document(), **wrong}
    if wrong == {"model": 1}:
        del document["model"]
    with pytest.raises(LabelMapError):
        label_map_from(document)
