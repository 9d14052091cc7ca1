from datetime import UTC, datetime
from typing import Any

import pytest

from lambdas.common.proxied import Refused
from lambdas.training.asked import Place, variables
from lambdas.training.workflows import Workflow

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TAGS = Workflow("tags", "detection", "line-model-tags", "line-tags")
SPECIES = Workflow(
    "species", "classification", "line-model-species", "line-species", children=("flowers", "trees")
)
LABELS = "s3://artifacts/labels/tags/"


def asked(body: Any, workflow: Workflow = TAGS) -> dict[str, str]:
    return variables(body, workflow, Place(workflow.model, "artifacts"), NOW)


def refusal(body: Any, workflow: Workflow = TAGS) -> str:
    with pytest.raises(Refused) as refused:
        asked(body, workflow)
    assert refused.value.status == 400
    return str(refused.value)


def test_what_is_asked_is_what_the_pipeline_takes() -> None:
    body = {"seed": 0, "as_of": "2026-11-21T13:30:00+02:00", "labels_manifest": f"{LABELS}a=1/x.manifest"}
    assert asked(body) == {
        "SEED": "0",
        "AS_OF": "2026-11-21T11:30:00Z",
        "LABELS_MANIFEST": f"{LABELS}a=1/x.manifest",
    }
    assert asked({}) == {}


def test_a_data_set_is_one_of_the_models_runs() -> None:
    manifest = "s3://artifacts/runs/species/abc/dataset/manifest.json"
    assert asked({"dataset_manifest": manifest}, SPECIES) == {"DATASET_MANIFEST": manifest}
    assert "not an object under s3://artifacts/runs/tags/" in refusal({"dataset_manifest": manifest})


def test_children_come_in_their_order() -> None:
    assert asked({"children": {"trees": 12, "flowers": 3}}, SPECIES) == {"CHILDREN": "flowers=3,trees=12"}
    for wrong in ({"birds": 1}, {"trees": 0}, {"trees": "1"}, {"trees": True}, {}, [], "trees=1"):
        assert "children" in refusal({"children": wrong}, SPECIES)


def test_what_the_task_does_not_take_is_named_with_what_it_does() -> None:
    assert refusal({"labels_manifest": f"{LABELS}x"}, SPECIES) == (
        "labels_manifest: unknown; the training of species takes: seed, as_of, dataset_manifest, children"
    )
    assert "children: unknown" in refusal({"children": {"flowers": 1}})


@pytest.mark.parametrize("seed", [-1, 2**31, 1.0, "1", True, None])
def test_a_seed_is_a_whole_number_that_every_library_takes(seed: Any) -> None:
    assert refusal({"seed": seed}).startswith("seed: ")


@pytest.mark.parametrize(
    "time",
    [
        "2026-11-21", "noon", 3, None, "2026-11-21T12:00:00", "2026-11-21T12:06:00Z", "0999-01-01T00:00:00Z",
        "0001-01-01T00:00:00+23:59",
    ],
)  # fmt: skip
def test_a_time_is_whole_has_a_zone_and_is_over(time: Any) -> None:
    assert refusal({"as_of": time}).startswith("as_of: ")


@pytest.mark.parametrize(
    "uri",
    [
        "s3://artifacts/labels/other/x", "s3://theirs/labels/tags/x", LABELS, f"{LABELS}a b", f"{LABELS}a;rm",
        f"{LABELS}$(id)", f"{LABELS}a\nb", f"{LABELS}#{{variables.COMMIT}}", 7, f"{LABELS}{'x' * 901}",
    ],
)  # fmt: skip
def test_a_manifest_is_one_that_labeling_has_written(uri: Any) -> None:
    assert refusal({"labels_manifest": uri}).startswith("labels_manifest: ")
