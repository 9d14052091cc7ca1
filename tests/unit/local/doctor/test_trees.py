"""What the doctor says of models that classify: trials, spot, one endpoint for a tree, cold starts, room."""

from __future__ import annotations

from typing import Any

import pytest

from config import Edgeline
from local.doctor import configuration, estimate, quotas, trees
from local.doctor.always_on import vcpus
from local.doctor.finding import Finding

COMPONENTS = {"kind": "components", "instance_type": "ml.m5.large"}


def config(children: int = 2, **parent: Any) -> Edgeline:
    """A tree whose parent has these keys, after a child in the file."""
    child: dict[str, Any] = {"task": "classification", "parent": "species"}
    models: dict[str, Any] = {"child0": {**child, "classes": ["class-0"]}}
    models["species"] = {"task": "classification", **parent}
    for number in range(1, children):
        models[f"child{number}"] = {**child, "classes": [f"class-{number}"]}
    return Edgeline.from_values({"name": "line", "parts": ["training", "promotion"], "models": models})


def month(found: Edgeline) -> dict[str, float | None]:
    return {cost.what: cost.usd for cost in estimate.estimate(found, [], "us-east-1").month}


def training(found: Edgeline) -> dict[str, float | None]:
    return {cost.what: cost.usd for cost in estimate.estimate(found, [], "us-east-1").training}


def findings(found: Edgeline) -> list[Finding]:
    return list(trees.check(found, "us-east-1"))


def test_a_tree_of_components_is_priced_as_one_endpoint() -> None:
    costs = month(config(prod={**COMPONENTS, "instances": 2, "max_instances": 4}))
    name = "prod endpoint of the tree species, 3 models"
    assert costs[f"{name}, 2 ml.m5.large, always on"] == pytest.approx(2 * 730 * 0.115)
    assert costs[f"{name}, {3 * 8} metrics of its alarms"] == pytest.approx(3 * 8 * 0.1)
    assert len([what for what in costs if what.startswith("prod endpoint of ")]) == 2


def test_as_many_instances_are_always_on_as_the_least_copies_need() -> None:
    needy = config(children=5, prod={**COMPONENTS, "max_instances": 9})
    assert "prod endpoint of the tree species, 6 models, 3 ml.m5.large, always on" in month(needy)
    (always_on,) = [finding for finding in configuration.check(needy) if "always on" in finding.what]
    assert always_on.where == "edgeline.toml models.species.prod"


def test_a_tree_without_least_copies_costs_nothing_while_nobody_calls() -> None:
    asleep = month(config(prod={**COMPONENTS, "min_copies": 0}))
    assert asleep["prod endpoint of the tree species, 3 models, components"] == 0


def test_each_model_of_a_serverless_tree_has_an_endpoint_that_costs_nothing_idle() -> None:
    costs = month(config())
    for model in ("species", "child0", "child1"):
        assert costs[f"prod endpoint of {model}, serverless"] == 0


def test_trials_are_priced_by_their_number_epochs_and_share() -> None:
    costs = training(config(tuning={"jobs": 6, "epochs": 15, "share": 0.5}))
    trial = 4 + 10
    assert costs[f"species: tune, 6 trials of {trial} min of ml.m5.2xlarge (assumed)"] == pytest.approx(
        6 * trial / 60 * 0.461
    )
    assert "child1: tune, 6 trials of 14 min of ml.m5.2xlarge (assumed)" in costs, "as the parent"


def test_a_training_grows_with_epochs_and_pixels_and_shrinks_on_spot() -> None:
    costs = training(config(epochs=60, input_size=448, spot=True))
    minutes = 4 + 40 * 2 * 4
    spot = costs[f"species: train, {minutes} min of ml.m5.2xlarge on spot (assumed)"]
    assert spot == pytest.approx(minutes / 60 * 0.461 * 0.35)
    assert costs["child0: train, 44 min of ml.m5.2xlarge (assumed)"] == pytest.approx(44 / 60 * 0.461)


def test_every_step_of_a_classifier_has_its_line() -> None:
    steps = [what.partition(":")[2].partition(",")[0].strip() for what in training(config(children=1))]
    assert steps[: len(steps) // 2] == [
        "check the data", "encode", "write records", "split", "tune", "train", "evaluate", "test in staging",
        "build the pipeline",
    ]  # fmt: skip


def test_quotas_of_trials_spot_and_endpoints() -> None:
    found = config(tuning={"parallel": 5}, spot=True, prod={**COMPONENTS, "max_instances": 7})
    needs = {quota.name: quota.needs for quota in quotas.needed(found)}
    assert needs["ml.m5.2xlarge for training job usage"] == 5
    assert needs["ml.m5.2xlarge for spot training job usage"] == 1
    assert needs["ml.m5.large for endpoint usage"] == 7, "one endpoint for all"
    assert "ml.m5.2xlarge for spot training job usage" not in [q.name for q in quotas.needed(config())]


def test_instances_of_several_endpoints_are_needed_together() -> None:
    realtime = {"kind": "realtime", "instance_type": "ml.m5.large", "instances": 2, "max_instances": 3}
    needs = {quota.name: quota.needs for quota in quotas.needed(config(prod=realtime))}
    assert needs["ml.m5.large for endpoint usage"] == 3 * 4


def test_a_serverless_tree_is_slow_after_a_pause_and_what_helps_has_a_price() -> None:
    (found,) = findings(config())
    assert found.severity == "advice"
    assert "serverless are the parent and all children" in found.what
    assert "503 with Retry-After" in found.what
    assert "on 2 ml.m5.large for about $167.90 a month" in found.remedy
    one = config(prod={"kind": "realtime"})
    assert findings(one) == []


def test_only_the_serverless_members_are_named() -> None:
    values = {
        "name": "line",
        "parts": ["training"],
        "models": {
            "species": {"task": "classification", "prod": {"kind": "realtime"}},
            "trees": {
                "task": "classification",
                "parent": "species",
                "classes": ["oak"],
                "prod": {"kind": "serverless"},
            },
        },
    }
    (found,) = findings(Edgeline.from_values(values))
    assert "serverless are trees;" in found.what


def test_copies_for_which_there_is_no_room_are_an_error() -> None:
    (found,) = findings(config(children=5, prod=COMPONENTS))
    assert found.severity == "error"
    assert "has 4 processors at most (2 ml.m5.large), its copies want 6" in found.what
    assert found.where == "edgeline.toml models.species.prod"
    assert findings(config(children=5, prod={**COMPONENTS, "max_instances": 3})) == []


@pytest.mark.parametrize(
    ("kind", "processors"),
    [
        ("ml.t3.medium", 2), ("ml.m5.large", 2), ("ml.c6i.xlarge", 4), ("ml.g5.12xlarge", 48),
        ("ml.m5.metal", None),
    ],
)  # fmt: skip
def test_processors_by_the_size_of_an_instance(kind: str, processors: int | None) -> None:
    assert vcpus(kind) == processors
