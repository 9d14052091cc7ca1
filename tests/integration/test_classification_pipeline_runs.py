"""The classification pipeline from folders of pictures to a package, in the local cloud, IAM enforced."""

from typing import Any

import pytest
from classification_line import CHILD, EMPTY, PARENT, ClassificationLine

from local.cloud.server import LocalCloud
from pipeline_defs.classification.label_map import labels_sha256

pytestmark = pytest.mark.acceptance
NAME = "species-test"
PICTURES = 24  # of a class


@pytest.fixture(scope="module")
def line(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> ClassificationLine:
    line = ClassificationLine(cloud, tmp_path_factory.mktemp("tree"), NAME)
    for class_name in ("rose", "violet", "moss"):
        line.upload(class_name, PICTURES)
    return line


def package_of(line: ClassificationLine, steps: dict[str, Any]) -> dict[str, Any]:
    registered = next(step for name, step in steps.items() if name.startswith("RegisterModel"))
    arn = registered["Metadata"]["RegisterModel"]["Arn"]
    found: dict[str, Any] = line.sagemaker.describe_model_package(ModelPackageName=arn)
    return found


@pytest.fixture(scope="module")
def child(line: ClassificationLine) -> tuple[dict[str, Any], dict[str, Any]]:
    """The child, trained: its steps and its package."""
    answer, _ = line.build(CHILD, "--seed", "3")
    steps = line.ended(answer["execution_arn"])
    return steps, package_of(line, steps)


def test_a_child_is_trained_with_what_tuning_found_and_waits_for_approval(
    line: ClassificationLine, child: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    steps, package = child
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    says = package["CustomerMetadataProperties"]
    assert (says["task"], says["tree"], says["seed"]) == ("classification", PARENT, "3")
    assert says["label_map_sha256"] == labels_sha256(["rose", "violet"])
    tuned = line.sagemaker.describe_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=steps["TuneModel"]["Metadata"]["TuningJob"]["Arn"].rpartition("/")[2]
    )
    assert tuned["TrainingJobStatusCounters"]["Completed"] == 2
    trained = line.sagemaker.describe_training_job(
        TrainingJobName=steps["TrainModel"]["Metadata"]["TrainingJob"]["Arn"].rpartition("/")[2]
    )
    best = tuned["BestTrainingJob"]["TunedHyperParameters"]
    assert best.items() <= trained["HyperParameters"].items()
    evaluation = line.read(says["evaluation"])
    assert evaluation["routing"] is None
    manifest = line.read(says["dataset_manifest"])
    assert manifest["images"]["count"] == 2 * PICTURES
    assert evaluation["dataset"]["manifest_sha256"] == manifest["sha256"]
    run = says["evaluation"].partition("/runs/")[2].rpartition("/")[0].rpartition("/")[0]
    names = {key.rpartition("/")[2] for key in line.keys(f"runs/{run}/evaluation/")}
    assert names == {"evaluation.json", "metrics.json", "predictions.jsonl", "report.html"}


def test_a_parent_says_what_the_way_over_it_costs_with_exactly_that_child(
    line: ClassificationLine, child: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    answer, told = line.build(PARENT)
    steps = line.ended(answer["execution_arn"])
    package = package_of(line, steps)
    says = package["CustomerMetadataProperties"]
    assert says[f"fits_{CHILD}"] == child[1]["CustomerMetadataProperties"]["label_map_sha256"]
    routing = line.read(says["evaluation"])["routing"]
    (routed,) = routing["children"]
    assert routed["model_package_arn"] == child[1]["ModelPackageArn"]
    assert (routing["missing"], routing["left_out"]) == ([], 0)
    assert set(routing["by_group"]) == {CHILD, "moss"}
    assert routing["top1_perfect_parent"] >= routing["top1_end_to_end"]
    assert "routes to no" not in told


def test_without_pictures_nothing_is_started_and_a_line_says_so(line: ClassificationLine) -> None:
    answer, told = line.build(EMPTY)
    assert answer["execution_arn"] is None
    assert answer["pipeline_arn"].endswith(f"{NAME}-{EMPTY}")
    assert f"model {EMPTY}: not started, there is no picture of its classes" in told
