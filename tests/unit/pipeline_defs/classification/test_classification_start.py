"""What a start of a classifier's pipeline looks for: pictures, and the children of a parent's evaluation."""

import json
from typing import Any

import pytest

from pipeline_defs import upsert
from pipeline_defs.classification.label_map import labels_sha256
from pipeline_defs.classification.settings import settings_of
from pipeline_defs.classification.source import has_pictures
from pipeline_defs.classification.start import Classification
from pipeline_defs.common.settings import Settings, SettingsError
from pipeline_defs.common.task import Clients

FITS_FLOWERS = labels_sha256(["tulip", "daffodil"])
FITS_TREES = labels_sha256(["oak"])


class FakeS3:
    """A bucket of keys; `asked` counts the listings."""

    def __init__(self, *keys: str) -> None:
        self.keys, self.asked, self.put = keys, 0, {}

    def list_objects_v2(self, *, Prefix: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        self.asked += 1
        found = [{"Key": key} for key in self.keys if key.startswith(Prefix)]
        return {"Contents": found} if found else {}

    def get_paginator(self, operation: str) -> "FakeS3":
        assert operation == "list_objects_v2"
        return self

    def paginate(self, **asked: Any) -> list[dict[str, Any]]:
        return [{}, self.list_objects_v2(**asked)]

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, **_: Any) -> None:  # noqa: N803
        self.put[f"s3://{Bucket}/{Key}"] = json.loads(Body)


class FakeRegistry:
    """Versions of children, newest first: (group, version, status, label map's hash)."""

    def __init__(self, *versions: tuple[str, int, str, str]) -> None:
        self.versions = versions

    def get_paginator(self, operation: str) -> "FakeRegistry":
        assert operation == "list_model_packages"
        return self

    def paginate(self, *, ModelPackageGroupName: str, SortOrder: str, **_: Any) -> list[dict[str, Any]]:  # noqa: N803
        assert SortOrder == "Descending"
        return [
            {
                "ModelPackageSummaryList": [
                    {"ModelPackageArn": self._arn(group, version), "ModelApprovalStatus": status}
                    for group, version, status, _ in self.versions
                    if group == ModelPackageGroupName
                ]
            }
        ]

    def describe_model_package(self, *, ModelPackageName: str) -> dict[str, Any]:  # noqa: N803
        (found,) = (each for each in self.versions if self._arn(each[0], each[1]) == ModelPackageName)
        data = f"s3://artifacts/{found[0]}/{found[1]}/model.tar.gz"
        return {
            "CustomerMetadataProperties": {"label_map_sha256": found[3]},
            "InferenceSpecification": {"Containers": [{"ModelDataUrl": data}]},
        }

    @staticmethod
    def _arn(group: str, version: int) -> str:
        return f"arn:aws:sagemaker:eu-west-1:111122223333:model-package/{group}/{version}"


def lacking(settings: Settings, *keys: str, options: tuple[str, ...] = ()) -> str:
    parsed = upsert.parse(["--model", settings.model.name, *options])
    return Classification().lacking(Clients(FakeS3(*keys), None), settings, parsed)


def children(settings: Settings, registry: FakeRegistry, wanted: str = "none") -> list[dict[str, str]]:
    s3 = FakeS3()
    options = upsert.parse(["--model", settings.model.name, "--children", wanted])
    uri = Classification().parameters(Clients(s3, registry), settings, options)["Children"]
    assert list(s3.put) == ([uri] if uri else [])
    return s3.put[uri]["children"] if uri else []


def test_a_source_with_a_picture_of_a_class_is_enough(species: Settings) -> None:
    assert lacking(species, "images/species/tulip/1.jpg") == ""
    assert lacking(species, "images/species/meadow/tulip/1.jpg") == ""


def test_without_a_picture_of_its_classes_nothing_is_started(flowers: Settings) -> None:
    none = "there is no picture of its classes in s3://images/images/species/"
    assert lacking(flowers) == none
    assert lacking(flowers, "images/species/tulip/") == none  # a folder that the console made
    assert lacking(flowers, "images/species/oak/1.jpg", "images/tulip/1.jpg") == none


def test_a_data_set_that_is_made_again_needs_no_source(flowers: Settings) -> None:
    manifest = ("--dataset-manifest", "s3://artifacts/runs/flowers/x/dataset/manifest.json")
    assert lacking(flowers, options=manifest) == ""


def test_a_class_right_below_the_source_is_found_by_one_question(species: Settings) -> None:
    s3 = FakeS3("images/species/tulip/1.jpg")
    assert has_pictures(s3, settings_of(species.model))
    assert s3.asked == 1


def test_the_newest_version_that_fits_is_taken_and_a_rejected_one_is_not(species: Settings) -> None:
    registry = FakeRegistry(
        ("line-flowers", 4, "Rejected", FITS_FLOWERS),
        ("line-flowers", 3, "PendingManualApproval", labels_sha256(["tulip"])),
        ("line-flowers", 2, "PendingManualApproval", FITS_FLOWERS),
        ("line-flowers", 1, "Approved", FITS_FLOWERS),
        ("line-trees", 7, "Approved", FITS_TREES),
    )
    assert children(species, registry) == [
        {
            "group": group,
            "model": group,
            "model_package_arn": FakeRegistry._arn(f"line-{group}", version),
            "model_data": f"s3://artifacts/line-{group}/{version}/model.tar.gz",
        }
        for group, version in (("flowers", 2), ("trees", 7))
    ]


def test_a_child_without_a_version_is_named_and_the_others_are_taken(
    species: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    found = children(species, FakeRegistry(("line-trees", 1, "Approved", FITS_TREES)))
    assert [child["group"] for child in found] == ["trees"]
    assert "model species: the evaluation routes to no flowers: no version" in capsys.readouterr().err


def test_a_model_without_children_has_none(flowers: Settings) -> None:
    assert children(flowers, FakeRegistry()) == []


REGISTRY = FakeRegistry(
    ("line-flowers", 2, "PendingManualApproval", FITS_FLOWERS),
    ("line-flowers", 1, "Approved", FITS_FLOWERS),
    ("line-flowers", 12, "Approved", labels_sha256(["tulip"])),
    ("line-trees", 7, "Approved", FITS_TREES),
)


def test_a_version_may_be_named(species: Settings) -> None:
    found = children(species, REGISTRY, "flowers=1")
    assert [child["model_package_arn"].rpartition("/")[2] for child in found] == ["1", "7"]


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        ("flowers=12", "version 12 of 'flowers' is not there, is rejected, or has other labels"),
        ("flowers=5", "version 5 of 'flowers'"),
        ("birds=1", "birds: no child of 'species'"),
        ("flowers", "'flowers' is not like flowers=3,trees=12"),
    ],
)
def test_a_version_that_cannot_be_is_refused(species: Settings, wanted: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        children(species, REGISTRY, wanted)


@pytest.mark.parametrize(
    "option", [("--labels-manifest", "s3://artifacts/labels/x"), ("--map50-threshold", "0.5")]
)
def test_what_only_a_detector_has_is_refused_by_name(species: Settings, option: tuple[str, str]) -> None:
    options = upsert.parse(["--model", "species", *option])
    with pytest.raises(SettingsError, match="'species' is a classifier"):
        Classification().parameters(Clients(FakeS3(), FakeRegistry()), species, options)
