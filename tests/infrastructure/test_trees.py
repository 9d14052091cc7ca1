"""Models that classify, in a tree of twelve: each stack takes them, within what AWS takes of each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cloud_assembly import Assembly, Template, read_assembly
from machines import actions_of, statements_in

import app
from checks import limits
from checks.assembly import read_assembly as read_for_checks
from config import Edgeline
from lambdas.promotion.settings import Tree, endpoint_settings, model_settings
from pipeline_defs.classification.settings import settings_of
from pipeline_defs.common.settings import Settings
from stacks.accounts import WorkloadAccount
from stacks.constructs.endpoint_settings import endpoint_settings as settings_of_endpoint

CHILDREN = [f"group-{letter}-of-the-species" for letter in "abcdefghijk"]
PLACES = {
    name: name.lower()
    for name in (
        "ARTIFACTS_BUCKET", "IMAGES_BUCKET", "KMS_KEY_ARN", "FEATURE_GROUP", "ATHENA_WORKGROUP",
        "JOB_ROLE_ARN", "PIPELINE_ROLE_ARN", "AWS_REGION",
    )
}  # fmt: skip


def toml(kind: str) -> str:
    """Write twelve models, each of forty classes."""
    parent = ['[models.species]\ntask = "classification"\nclasses = ["mushroom"]']
    parent += [f'[models.species.{environment}]\nkind = "{kind}"' for environment in ("staging", "prod")]
    children = [
        f'[models.{child}]\ntask = "classification"\nparent = "species"\nclasses = {classes(child)}'
        for child in CHILDREN
    ]
    top = ['name = "a-line-with-long-nam"', 'parts = ["training", "promotion"]']
    told = ["[promotion]", 'email = "me@example.com"']
    return "\n".join([*top, *told, *parent, *children])


def classes(child: str) -> str:
    return json.dumps([f"species {number:02} of {child}" for number in range(40)])


def synthesized(kind: str, directory: Path) -> Path:
    config = directory / "tree.toml"
    config.write_text(toml(kind))
    app.build(outdir=str(directory / "cdk.out"), config=config).synth()
    return directory / "cdk.out"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthesized("components", tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="module")
def tree(folder: Path) -> Assembly:
    return read_assembly(folder)


def packed(tree: Assembly, file: str) -> str:
    (found,) = tree.directory.glob(f"asset.*/{file}")
    return found.read_text()


def test_the_parts_of_detectors_are_not_there(tree: Assembly) -> None:
    assert set(tree.templates) == {
        "Data", "Training", "Promotion", "Cost", "Staging/Serving", "Prod/Serving",
    }  # fmt: skip


def test_twelve_models_are_within_what_aws_takes(folder: Path) -> None:
    assert limits.check(read_for_checks(folder)) == []


@pytest.mark.acceptance
@pytest.mark.parametrize("kind", ["serverless", "realtime"])
def test_so_are_twelve_endpoints(kind: str, tmp_path: Path) -> None:
    assert limits.check(read_for_checks(synthesized(kind, tmp_path))) == []


def test_the_promotion_knows_every_model_its_labels_and_its_tree(tree: Assembly) -> None:
    models = packed(tree, "lambdas/promotion/models.json")
    parent, child = model_settings(models, "species"), model_settings(models, CHILDREN[0])
    assert parent.tree == child.tree == Tree("species", tuple(CHILDREN))
    assert (parent.task, parent.classes) == ("classification", (*CHILDREN, "mushroom"))
    assert len(child.classes) == 40


def test_the_components_of_a_tree_share_the_endpoint_of_its_parent(tree: Assembly) -> None:
    models = packed(tree, "lambdas/promotion/models.json")
    own = f"a-line-with-long-nam-{CHILDREN[3]}-prod"
    settings = endpoint_settings(models, "prod", own)
    assert (settings.name, settings.component_name) == ("a-line-with-long-nam-species-prod", own)
    template = tree.templates["Prod/Serving"]
    (removed,) = of_kind(template, "Custom::EndpointsOnDelete")
    assert removed["Endpoints"] == ["a-line-with-long-nam-species-prod"]
    assert len(removed["Components"]) == len(removed["Prefixes"]) == 12
    outputs = tree.templates["Promotion"]["Outputs"]
    assert outputs["ProdEndpointGroupAOfTheSpecies"]["Value"] == "a-line-with-long-nam-species-prod"
    component = outputs["ProdComponentGroupAOfTheSpecies"]["Value"]
    assert component == f"a-line-with-long-nam-{CHILDREN[0]}-prod"


@pytest.mark.parametrize(("least", "instances"), [((1, 0), 1), ((0, 1), 1), ((0, 0), 0)])
def test_a_shared_endpoint_is_the_same_whoever_comes_first(least: tuple[int, int], instances: int) -> None:
    table = {"task": "classification", "classes": ["a"]}
    kinds = [{"kind": "components", "min_copies": copies} for copies in least]
    species = {**table, "prod": kinds[0]}
    child = {**table, "classes": ["b"], "parent": "species", "prod": kinds[1]}
    values = {"name": "line", "parts": ["training"], "models": {"species": species, "flowers": child}}
    config = Edgeline.from_values(values)
    here = WorkloadAccount(config, "prod")
    variants = [settings_of_endpoint(here, model)["variant"] for model in config.models]
    assert variants[0] == variants[1]
    assert variants[0]["ManagedInstanceScaling"]["MinInstanceCount"] == instances


def test_each_component_has_its_log_its_metrics_and_its_alarms(tree: Assembly) -> None:
    template = tree.templates["Prod/Serving"]
    logs = [group.get("LogGroupName") for group in of_kind(template, "AWS::Logs::LogGroup")]
    own = {f"a-line-with-long-nam-{model}-prod" for model in ("species", *CHILDREN)}
    assert all(f"/aws/sagemaker/InferenceComponents/{name}" in logs for name in own)
    namespaces = {
        change["MetricNamespace"]
        for metric in of_kind(template, "AWS::Logs::MetricFilter")
        for change in metric["MetricTransformations"]
    }
    assert namespaces == {f"Edgeline/{name}" for name in own}
    (removed,) = of_kind(template, "Custom::EndpointsOnDelete")
    assert {f"{name}-latency" for name in own} <= set(removed["Alarms"])


@pytest.mark.parametrize("model", ["species", CHILDREN[5]])
def test_the_build_is_told_all_that_a_classifiers_jobs_read(tree: Assembly, model: str) -> None:
    settings = Settings.read(PLACES | {"MODEL_CONFIG": packed(tree, "models.json")}, model)
    classifier = settings_of(settings.model)
    assert (classifier.tree, classifier.source) == ("species", "s3://images_bucket/images/species/")
    labels = list(classifier.labels)
    if model == "species":
        assert classifier.children == {child: child for child in CHILDREN}
        assert labels == [*CHILDREN, "mushroom"]
        assert len(classifier.classes) == 11 * 40 + 1
    else:
        assert (classifier.children, len(labels)) == ({}, 40)


def test_jobs_read_versions_of_pictures_and_nothing_of_other_buckets(tree: Assembly) -> None:
    training = tree.templates["Training"]
    (reading,) = of(training, "JobRole", "s3:GetObjectVersion")
    assert json.dumps(reading["Resource"]).endswith('"/images/*"]]}')
    (listing,) = of(training, "JobRole", "s3:ListBucketVersions")
    assert listing["Condition"] == {"StringLike": {"s3:prefix": ["images/*"]}}


def test_the_pipelines_tune_in_their_own_names_and_start_nothing_else(tree: Assembly) -> None:
    training = tree.templates["Training"]
    (tuning,) = of(training, "PipelineRole", "sagemaker:CreateHyperParameterTuningJob")
    assert {str(arn["Fn::Join"][1][-1]).rpartition("/")[2] for arn in tuning["Resource"]} == {
        "*-TuneMode-*", "*-tunemode-*",
    }  # fmt: skip
    assert of(training, "JobRole", "sagemaker:CreateHyperParameterTuningJob") == []


def test_with_the_pipelines_go_the_logs_of_their_trials(tree: Assembly) -> None:
    (deleting,) = of(tree.templates["Training"], "RemovedPipelines", "logs:DeleteLogStream")
    streams = {str(arn["Fn::Join"][1][-1]).rpartition(":")[2] for arn in deleting["Resource"]}
    assert streams == {"pipelines-*", "*-TuneMode-*"}


def test_the_build_looks_for_pictures_and_not_for_labels(tree: Assembly) -> None:
    listing = of(tree.templates["Training"], "BuildRole", "s3:ListBucket")
    prefixes = {prefix for s in listing for prefix in s["Condition"]["StringLike"]["s3:prefix"]}
    assert "images/*" in prefixes
    assert not [prefix for prefix in prefixes if prefix.startswith("labels/")]


def test_without_classifiers_nobody_tunes_or_reads_versions(templates: dict[str, Template]) -> None:
    allowed = {action for _, found in statements_in(templates["Training"]) for action in actions_of(found)}
    assert not [action for action in allowed if "HyperParameter" in action]
    assert "s3:ListBucketVersions" not in allowed


def of_kind(template: Template, kind: str) -> list[dict[str, Any]]:
    return [r["Properties"] for r in template["Resources"].values() if r["Type"] == kind]


def of(template: Template, holder: str, action: str) -> list[dict[str, Any]]:
    """The statements of a role that allow an action."""
    return [
        found
        for name, found in statements_in(template)
        if name.startswith(holder) and action in actions_of(found)
    ]


@pytest.mark.acceptance
def test_beside_a_detector_labeling_and_devices_know_the_detector_alone(tmp_path: Path) -> None:
    text = toml("serverless").replace(
        '"training", "promotion"', '"labeling", "training", "promotion", "edge"'
    )
    config = tmp_path / "both.toml"
    config.write_text(
        text + '\n[models.tags]\ntask = "detection"\nclasses = ["scratch"]\n[labeling]\nstart_at_images = 5'
    )
    app.build(outdir=str(tmp_path / "cdk.out"), config=config).synth()
    both = read_assembly(tmp_path / "cdk.out")
    functions = of_kind(both.templates["Labeling"], "AWS::Lambda::Function")
    told = {
        name: set(json.loads(value))
        for function in functions
        for name, value in function["Environment"]["Variables"].items()
        if name in ("MODELS", "MODEL_CLASSES", "ENDPOINTS")
    }
    assert told == {"MODELS": {"tags"}, "MODEL_CLASSES": {"tags"}, "ENDPOINTS": {"tags"}}
    rules = of_kind(both.templates["Edge"], "AWS::Events::Rule")
    assert {"tags"} == {
        model for r in rules for model in r["EventPattern"].get("detail", {}).get("model", [])
    }
    assert limits.check(read_for_checks(tmp_path / "cdk.out")) == []
