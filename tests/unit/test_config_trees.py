from __future__ import annotations

import copy
import tomllib
from pathlib import Path
from typing import Any

import pytest

from config import ConfigError, Edgeline
from config_classification import ClassificationModel, Quality, Tuning
from config_endpoint import Endpoint

TREE: dict[str, Any] = {
    "name": "line",
    "parts": ["training", "promotion"],
    "models": {
        "flowers": {"task": "classification", "parent": "species", "classes": ["tulip", "daffodil"]},
        "species": {"task": "classification", "classes": ["mushroom"]},
        "birds": {"task": "classification", "parent": "species", "classes": ["wren"]},
    },
}
ALONE = {"task": "classification", "classes": ["ash", "oak"]}
DETECTOR = {"task": "detection", "classes": ["scratch"]}


def changed(**tables: dict[str, Any] | None) -> dict[str, Any]:
    """The tree with keys of models set, or deleted with None; MODEL=None deletes the model."""
    values = copy.deepcopy(TREE)
    for name, table in tables.items():
        if table is None:
            del values["models"][name]
            continue
        model = values["models"].setdefault(name, {})
        model.update(table)
        for key in [key for key, value in table.items() if value is None]:
            del model[key]
    return values


def classifier(values: dict[str, Any], name: str) -> ClassificationModel:
    model = Edgeline.from_values(values).model(name)
    assert isinstance(model, ClassificationModel)
    return model


def test_the_labels_of_a_parent_are_its_children_and_then_its_own_classes() -> None:
    parent = classifier(TREE, "species")
    assert list(parent.labels.items()) == [
        ("flowers", ("tulip", "daffodil")), ("birds", ("wren",)), ("mushroom", ("mushroom",)),
    ]  # fmt: skip
    assert parent.children == ("flowers", "birds")


def test_the_labels_of_a_child_and_of_a_model_alone_are_its_classes_in_their_order() -> None:
    assert list(classifier(TREE, "flowers").labels) == ["tulip", "daffodil"]
    assert list(classifier(changed(trees=ALONE), "trees").labels.items()) == [
        ("ash", ("ash",)), ("oak", ("oak",)),
    ]  # fmt: skip


def test_models_keep_the_order_of_the_file_and_trees_that_of_their_parents() -> None:
    config = Edgeline.from_values(changed(trees=ALONE))
    assert [model.name for model in config.models] == ["flowers", "species", "birds", "trees"]
    (tree,) = config.trees
    assert (tree.name, [child.name for child in tree.children]) == ("species", ["flowers", "birds"])
    assert config.tree_of(config.model("birds")) == tree
    assert config.tree_of(config.model("species")) == tree
    assert config.tree_of(config.model("trees")) is None
    assert [model.tree for model in config.classifiers] == ["species", "species", "species", "trees"]


def test_detectors_and_classifiers_stand_in_one_file() -> None:
    values = changed(tags=DETECTOR) | {"parts": ["labeling", "training", "edge"]}
    config = Edgeline.from_values(values)
    assert [model.name for model in config.detectors] == ["tags"]
    assert [model.name for model in config.classifiers] == ["flowers", "species", "birds"]
    assert config.fleet.model == "tags", "the first that detects"


def test_defaults_of_a_classifier() -> None:
    model = classifier(TREE, "species")
    assert (model.task, model.min_score, model.tolerance, model.train_at_images) == (
        "classification", 0.5, 0.02, 0,
    )  # fmt: skip
    assert (model.top1_threshold, model.epochs, model.input_size, model.spot) == (0.6, 30, 224, False)
    assert (model.tuning, model.quality) == (Tuning(), Quality())
    assert (model.staging, model.prod) == (Endpoint(), Endpoint(bake_seconds=600))


def test_pictures_lie_in_a_folder_of_the_models_name_and_children_read_those_of_the_parent() -> None:
    assert classifier(TREE, "species").data == "images/species/"
    assert classifier(TREE, "birds").data == "images/species/"
    elsewhere = changed(
        species={"data": "images/all/2026/"}, birds={"data": "s3://ours/lists/birds.manifest"}
    )
    assert classifier(elsewhere, "flowers").data == "images/all/2026/"
    assert classifier(elsewhere, "birds").data == "s3://ours/lists/birds.manifest"


def test_a_threshold_counts_uploads_and_not_the_lines_of_a_manifest() -> None:
    assert classifier(changed(birds={"train_at_images": 500}), "birds").train_at_images == 500
    manifest = {"data": "images/species/all.manifest", "train_at_images": 500}
    with pytest.raises(ConfigError, match=r"birds\.train_at_images: counts what is uploaded under a prefix"):
        Edgeline.from_values(changed(birds=manifest))


def test_a_child_has_its_parents_rules_but_for_those_of_its_own() -> None:
    values = changed(
        species={"quality": {"min_side": 64, "max_aspect": 2.0}, "tuning": {"jobs": 20}},
        birds={"quality": {"min_side": 48}, "tuning": {"strategy": "bayesian"}},
    )
    flowers, birds = classifier(values, "flowers"), classifier(values, "birds")
    assert flowers.quality == Quality(min_side=64, max_aspect=2.0)
    assert birds.quality == Quality(min_side=48, max_aspect=2.0)
    assert (birds.tuning.jobs, birds.tuning.strategy) == (20, "bayesian")


def test_a_child_is_served_as_its_parent_is_unless_its_table_names_another_kind() -> None:
    values = changed(
        species={"prod": {"kind": "serverless", "memory_mb": 2048}},
        flowers={"prod": {"max_concurrency": 9}},
        birds={"prod": {"kind": "realtime"}},
    )
    flowers, birds = classifier(values, "flowers").prod, classifier(values, "birds").prod
    assert (flowers.kind, flowers.memory_mb, flowers.max_concurrency) == ("serverless", 2048, 9)
    assert (birds.kind, birds.instances) == ("realtime", 2)


def test_components_of_a_tree_share_the_instances_of_its_parent() -> None:
    components = {"kind": "components", "instance_type": "ml.c5.xlarge", "max_instances": 6}
    values = changed(species={"prod": components}, birds={"prod": {"copies": 2, "max_copies": 4}})
    flowers, birds = classifier(values, "flowers").prod, classifier(values, "birds").prod
    assert (flowers.kind, flowers.instance_type, flowers.max_instances) == ("components", "ml.c5.xlarge", 6)
    assert (birds.instance_type, birds.copies, flowers.copies) == ("ml.c5.xlarge", 2, 1)


def test_a_parent_may_have_one_child_and_no_class() -> None:
    only = changed(birds=None, species={"classes": None})
    assert classifier(only, "species").labels == {"flowers": ("tulip", "daffodil")}


def test_a_class_moves_from_one_child_to_another() -> None:
    moved = changed(flowers={"classes": ["daffodil"]}, birds={"classes": ["wren", "tulip"]})
    assert classifier(moved, "species").labels["birds"] == ("wren", "tulip")


def test_the_same_class_may_stand_in_two_trees() -> None:
    config = Edgeline.from_values(changed(alone={"task": "classification", "classes": ["tulip", "wren"]}))
    assert [tree.name for tree in config.trees] == ["species"]


def test_ranges_and_limits_of_the_tuning() -> None:
    table = {
        "strategy": "bayesian",
        "jobs": 4,
        "parallel": 4,
        "learning_rate": [1e-3, 2e-3],
        "width": [8, 16],
    }
    tuning = classifier(changed(species={"tuning": table}), "species").tuning
    assert (tuning.strategy, tuning.jobs, tuning.parallel) == ("bayesian", 4, 4)
    assert (tuning.learning_rate, tuning.weight_decay, tuning.width) == ((1e-3, 2e-3), (1e-4, 5e-2), (8, 16))


def test_a_studio_domain_needs_its_network() -> None:
    values = TREE | {"studio": {"vpc_id": "vpc-0a1b", "subnet_ids": ["subnet-01", "subnet-02"]}}
    studio = Edgeline.from_values(values).studio
    assert studio is not None
    assert (studio.vpc_id, studio.subnet_ids) == ("vpc-0a1b", ("subnet-01", "subnet-02"))
    assert Edgeline.from_values(TREE).studio is None
    with pytest.raises(ConfigError, match=r"studio\.subnet_ids: "):
        Edgeline.from_values(TREE | {"studio": {"vpc_id": "vpc-0a1b"}})


def test_the_tree_in_the_comments_of_the_file_is_one() -> None:
    lines = (Path(__file__).parents[2] / "edgeline.toml").read_text(encoding="utf-8").splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith("# [models.species]"))
    end = lines.index("", begin)
    written = tomllib.loads("\n".join(line.removeprefix("#").removeprefix(" ") for line in lines[begin:end]))
    config = Edgeline.from_values({"name": "line", "parts": ["training"], **written})
    (tree,) = config.trees
    assert [member.name for member in tree.members] == ["species", "flowers", "insects"]
    said = ClassificationModel("species", ("mushroom",))
    assert (tree.parent.tuning, tree.parent.quality) == (said.tuning, said.quality), "the defaults"
    assert (tree.parent.epochs, tree.parent.input_size, tree.parent.min_score) == (30, 224, 0.5)
    assert [member.prod.kind for member in tree.members] == ["components"] * 3


@pytest.mark.parametrize(
    ("tables", "complaint"),
    [
        (
            {"birds": {"parent": "specis"}},
            "birds.parent: 'specis' is not a model of this file: flowers, species",
        ),
        ({"birds": {"parent": "birds"}}, "birds.parent: 'birds' is the model itself"),
        (
            {"birds": {"parent": "flowers"}},
            "birds.parent: 'flowers' is a child of 'species' itself; children of",
        ),
        ({"tags": DETECTOR, "birds": {"parent": "tags"}}, "birds.parent: 'tags' is a detector; only a model"),
        ({"tags": {**DETECTOR, "parent": "species"}}, "models.tags.parent: unknown key"),
        ({"birds": {"parent": 3}}, "birds.parent: 3 is not text"),
        (
            {"birds": {"classes": ["tulip"]}},
            "flowers.classes: 'tulip' is a class of birds too; give it to one",
        ),
        ({"birds": {"classes": ["mushroom"]}}, "birds.classes: 'mushroom' is a class of species too"),
        ({"species": {"classes": ["birds"]}}, "species.classes: 'birds' is the name of a child of species"),
        ({"flowers": {"classes": ["birds"]}}, "flowers.classes: 'birds' is the name of a child of species"),
        ({"birds": {"classes": None}}, "birds.classes: missing; only a parent, which other models name, may"),
        (
            {"species": {"classes": ["a/b"]}},
            "species.classes: 'a/b' is no name of a folder of pictures: 1 to",
        ),
        ({"species": {"classes": ["rose "]}}, "species.classes: 'rose ' is no name of a folder of pictures"),
        ({"species": {"classes": ["a\x01b"]}}, "classes: 'a\\x01b' is no name of a folder of pictures"),
        ({"species": {"classes": ["a" * 65]}}, "is no name of a folder of pictures: 1 to 64 characters"),
        ({"species": {"input_size": 100}}, "species.input_size: 100 is not a multiple of 32"),
        ({"species": {"input_size": 544}}, "species.input_size: 544 is not between 32 and 512"),
        (
            {"species": {"data": "images/x"}},
            "species.data: 'images/x' is neither a folder of the images bucket",
        ),
        ({"species": {"data": "images/../labels/"}}, "species.data: 'images/../labels/' is neither a folder"),
        (
            {"species": {"data": "s3://ours/x/"}},
            "'s3://ours/x/' is neither a folder of the images bucket, as ",
        ),
        (
            {"species": {"tuning": {"jobs": 3, "parallel": 4}}},
            "models.species.tuning.parallel: 4 is more than the 3 jobs that there are",
        ),
        ({"Roses": ALONE}, "models.Roses: the model's name 'Roses' does not match"),
        ({"species": {"map50_threshold": 0.5}}, "species.map50_threshold: unknown key"),
        ({"species": {"spot": "yes"}}, "species.spot: 'yes' is not true or false"),
        (
            {"species": {"tuning": {"momentum": [0, 1]}}},
            "species.tuning.momentum: unknown key; what is searched",
        ),
        (
            {"species": {"tuning": {"strategy": "grid"}}},
            "species.tuning.strategy: 'grid' is not one of random",
        ),
        (
            {"species": {"tuning": {"width": [16, 16]}}},
            "tuning.width: [16, 16] does not go from less to more",
        ),
        (
            {"species": {"tuning": {"width": [16.5, 18]}}},
            "tuning.width: [16.5, 18] is not a list of two whole",
        ),
        (
            {"species": {"tuning": {"learning_rate": [0.1]}}},
            "learning_rate: [0.1] is not a list of two numbers",
        ),
        ({"species": {"tuning": {"learning_rate": [0, 1]}}}, "learning_rate: 0 is not between 1e-07 and 1"),
        ({"species": {"tuning": {"learning_rate": 0.1}}}, "learning_rate: 0.1 is not a list of two numbers"),
        ({"species": {"quality": {"formats": ["GIF"]}}}, "species.quality.formats: 'GIF' is not one of JPEG"),
        ({"species": {"quality": {"min_side": 20_000}}}, "min_side: 20000 is more than max_side 10000"),
        (
            {"birds": {"prod": {"kind": "components"}}},
            "birds.prod.kind: 'components', but its parent species is",
        ),
        (
            {"species": {"prod": {"kind": "components"}}, "birds": {"prod": {"kind": "serverless"}}},
            "birds.prod.kind: 'serverless', but its parent species is of kind 'components'",
        ),
        (
            {"species": {"prod": {"kind": "components"}}, "birds": {"prod": {"instances": 2}}},
            "birds.prod.instances: 2, but the endpoint is that of species, with 1",
        ),
    ],
)
def test_a_wrong_tree_is_one_line_that_says_where(tables: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError) as error:
        Edgeline.from_values(changed(**tables))
    assert complaint in str(error.value)
    assert "\n" not in str(error.value)


def test_one_trial_needs_no_word_about_how_many_run_at_a_time() -> None:
    tuning = classifier(changed(species={"tuning": {"jobs": 1}}), "species").tuning
    assert (tuning.jobs, tuning.parallel) == (1, 1)


def test_a_tree_has_no_more_children_than_a_release_can_carry() -> None:
    many = {
        f"g{number}": {"task": "classification", "parent": "species", "classes": [f"c{number}"]}
        for number in range(18)
    }
    assert len(classifier(changed(**many), "species").children) == 20
    one = {"task": "classification", "parent": "species", "classes": ["another"]}
    with pytest.raises(ConfigError, match=r"models\.species: 21 models name it as their parent, and 20 are"):
        Edgeline.from_values(changed(**many, one=one))


@pytest.mark.parametrize("name", ["Ähre", "St. John's wort", "a" * 64, "x"])
def test_a_class_is_called_as_people_call_it(name: str) -> None:
    assert classifier(changed(species={"classes": [name]}), "species").classes == (name,)


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"parts": ["training", "edge"]}, 'parts: no model detects, so leave out edge: parts = ["training"]'),
        (
            {"parts": ["labeling", "training", "promotion", "edge"]},
            'leave out labeling and edge: parts = ["training", "promotion"]',
        ),
        (
            {"fleet": {"model": "species"}},
            "fleet.model: 'species' does not detect, and devices run what does",
        ),
    ],
)
def test_parts_of_detectors_need_one(values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError) as error:
        Edgeline.from_values(TREE | values)
    assert complaint in str(error.value)


def test_the_fleet_runs_a_detector() -> None:
    values = changed(tags=DETECTOR) | {"fleet": {"model": "species"}}
    with pytest.raises(
        ConfigError, match=r"fleet\.model: 'species' does not detect, and devices run what does"
    ):
        Edgeline.from_values(values)
