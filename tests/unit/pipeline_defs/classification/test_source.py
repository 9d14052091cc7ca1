"""Whether there is anything to train on: the build may list the pictures, and reads none of them."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline_defs.classification.settings import ClassificationSettings
from pipeline_defs.classification.source import has_pictures


class Listing:
    """A bucket that can be listed, and nothing else."""

    def __init__(self, *keys: str) -> None:
        self._keys = sorted(keys)

    def list_objects_v2(self, Bucket: str, Prefix: str, MaxKeys: int) -> dict[str, Any]:  # noqa: N803 - AWS's
        assert Bucket == "pictures"
        return {"Contents": [{"Key": key} for key in self._keys if key.startswith(Prefix)][:MaxKeys]}

    def get_paginator(self, _operation: str) -> Listing:
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> list[dict[str, Any]]:  # noqa: N803
        return [self.list_objects_v2(Bucket, Prefix, len(self._keys))]


def model(source: str) -> ClassificationSettings:
    return ClassificationSettings("flowers", "species", {"tulip": ("tulip",)}, source)


@pytest.mark.parametrize(
    ("source", "keys", "found"),
    [
        ("images/species/", ["images/species/tulip/1.jpg"], True),
        ("images/species/", ["images/species/2026/may/tulip/1.jpg"], True),
        ("images/species/", ["images/species/bee/1.jpg", "images/species/tulip/"], False),
        ("images/species/list.manifest", ["images/species/list.manifest"], True),
        ("images/species/list.manifest", ["images/species/list.manifest.old"], False),
    ],
)
def test_a_folder_of_a_class_or_the_manifest_is_enough(source: str, keys: list[str], found: bool) -> None:
    assert has_pictures(Listing(*keys), model(f"s3://pictures/{source}")) is found
