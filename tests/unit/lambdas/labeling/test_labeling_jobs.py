"""Requests for labeling jobs, held against botocore's model of the API and what it says of the regions."""

import json
import re
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from lambdas.labeling.ground_truth_regions import ACCOUNTS, NoGroundTruth, functions
from lambdas.labeling.labeling_jobs import LabelingJob, Settings, request
from lambdas.labeling.payloads import Lists
from lambdas.labeling.task_templates import categories, template

EXECUTION = "arn:aws:states:eu-west-1:111122223333:execution:labeling:0f3c"
PRIVATE = "arn:aws:sagemaker:eu-west-1:111122223333:workteam/private-crowd/inspectors"
VENDOR = "arn:aws:sagemaker:eu-west-1:444455556666:workteam/vendor-crowd/somebody"
SETTINGS = Settings(
    region="eu-west-1",
    role_arn="arn:aws:iam::111122223333:role/labeling-job",
    key_arn="arn:aws:kms:eu-west-1:111122223333:key/0f3c",
    workteam_arn=PRIVATE,
    verification_workteam_arn=VENDOR,
    annotators=3,
    timeout_hours=72,
)
MODEL = botocore.session.Session().get_service_model("sagemaker")


def job(kind: Any, number: int = 1, *, model: str = "tags", prefix: str = "edgeline") -> LabelingJob:
    return LabelingJob(kind, Lists("artifacts", model, EXECUTION), number, prefix)


def beyond(value: Any, shape: Any) -> list[str]:
    """What botocore's own validation leaves to the service: patterns, and the longest and largest."""
    if shape.type_name == "structure":
        return [wrong for key, item in value.items() for wrong in beyond(item, shape.members[key])]
    if shape.type_name == "list":
        longest = shape.metadata.get("max", len(value))
        wrong = [f"{shape.name} is too long"] if len(value) > longest else []
        return wrong + [one for item in value for one in beyond(item, shape.member)]
    size = len(value) if isinstance(value, str) else value
    wrong = [] if size <= shape.metadata.get("max", size) else [f"{shape.name}: {value!r} is too large"]
    pattern = shape.metadata.get("pattern", "")
    if pattern and r"\p{" not in pattern and not re.fullmatch(pattern, str(value)):
        wrong.append(f"{shape.name}: {value!r} does not match {pattern}")
    return wrong


@pytest.mark.parametrize("kind", ["label", "verify"])
@pytest.mark.parametrize("region", ACCOUNTS)
def test_a_request_is_one_that_sagemaker_takes(kind: Any, region: str) -> None:
    shape = MODEL.operation_model("CreateLabelingJob").input_shape
    asked = request(
        job(kind, model="m" * 24, prefix="e" * 20), Settings(**{**vars(SETTINGS), "region": region})
    )
    assert not ParamValidator().validate(asked, shape).has_errors()
    assert beyond(asked, shape) == []


def test_a_label_job_is_for_the_team_and_a_verify_job_for_the_other_one() -> None:
    label, verify = (request(job(kind), SETTINGS)["HumanTaskConfig"] for kind in ("label", "verify"))
    assert (label["WorkteamArn"], label["NumberOfHumanWorkersPerDataObject"]) == (PRIVATE, 3)
    assert (verify["WorkteamArn"], verify["NumberOfHumanWorkersPerDataObject"]) == (VENDOR, 1)
    assert label["TaskAvailabilityLifetimeInSeconds"] == 72 * 3600
    long = Settings(**{**vars(SETTINGS), "timeout_hours": 24 * 40})
    assert request(job("label"), long)["HumanTaskConfig"]["TaskAvailabilityLifetimeInSeconds"] == 2_592_000
    assert "HumanTaskUiArn" not in label["UiConfig"], "is for text, video and point clouds"


def test_the_output_is_encrypted_and_lies_with_the_execution() -> None:
    asked = request(job("verify", 2), SETTINGS)
    folder = "s3://artifacts/labeling/tags/0f3c/ground-truth/"
    assert asked["OutputConfig"] == {"S3OutputPath": folder, "KmsKeyId": SETTINGS.key_arn}
    assert job("verify", 2).folder == folder + asked["LabelingJobName"]
    assert asked["LabelAttributeName"] != request(job("label", 2), SETTINGS)["LabelAttributeName"]


def test_every_round_and_kind_has_a_name_of_its_own_that_stays() -> None:
    names = {job(kind, number).name for kind in ("label", "verify") for number in (1, 2)}
    assert len(names) == 4
    assert all(name.startswith("edgeline-") for name in names)
    assert job("label").name == job("label").name


@pytest.mark.parametrize("kind", ["label", "verify"])
def test_the_table_has_every_region_that_the_api_reference_names(kind: str) -> None:
    task = {"label": "BoundingBox", "verify": "VerificationBoundingBox"}[kind]
    before = MODEL.shape_for("HumanTaskConfig").members["PreHumanTaskLambdaArn"].documentation
    config = MODEL.shape_for("AnnotationConsolidationConfig")
    after = config.members["AnnotationConsolidationLambdaArn"].documentation
    named = set(re.findall(rf"arn:aws[a-z-]*:lambda:[^<\s]*:PRE-{task}\b", before))
    named |= set(re.findall(rf"arn:aws[a-z-]*:lambda:[^<\s]*:ACS-{task}\b", after))
    assert {arn for region in ACCOUNTS for arn in functions(region, kind)} == named


def test_a_region_without_ground_truth_is_one_clear_line() -> None:
    with pytest.raises(NoGroundTruth, match=r'no functions in eu-north-1, .* backend = "workbench"'):
        functions("eu-north-1", "label")


def test_a_verification_has_its_verdicts_and_what_it_verifies() -> None:
    assert categories("label", ["open", "short"])["labels"] == [{"label": "open"}, {"label": "short"}]
    said = [entry["label"] for entry in categories("verify", ["open"])["labels"]]  # type: ignore[attr-defined]
    assert said == ["approve", "reject", "open"]
    with pytest.raises(ValueError, match="may not be called approve or reject"):
        categories("verify", ["approve"])


@pytest.mark.parametrize("kind", ["label", "verify"])
def test_a_page_shows_the_classes_and_nothing_of_them_is_markup(kind: str) -> None:
    page = template(kind, ['"a<b"'], {'"a<b"': "<script>{{draw}}</script>"})
    assert "&lt;script&gt;&#123;&#123;draw&#125;&#125;&lt;/script&gt;" in page
    assert "a<b" not in page
    assert page.count("{{") == page.count("}}")
    assert page.count("{%") == page.count("%}")
    assert "{{ task.input.taskObject | grant_read_access }}" in page


def test_the_verdicts_page_lays_the_boxes_over_the_picture() -> None:
    page = template("verify", ["open", "short"], {})
    assert json.loads(re.search('categories="(.*?)"', page)[1].replace("&quot;", '"')) == [  # type: ignore[index]
        "approve", "reject",
    ]  # fmt: skip
    assert "task.input.manifestLine.labels.annotations" in page
