"""The ways to start a training, as the templates have them, for models of both tasks."""

import copy
import json
from typing import Any

import pytest
from cloud_assembly import Template
from training_part import BOTH_TASKS, templates

from config import Edgeline
from lambdas.training.workflows import workflows
from stacks.constructs.training_starts import configured_starts
from stacks.constructs.workflow_pipeline import workflow_names

MODELS = ("tags", "species", "flowers")


@pytest.fixture(scope="module")
def both() -> dict[str, Template]:
    return templates(BOTH_TASKS)


@pytest.fixture(scope="module")
def training(both: dict[str, Template]) -> Template:
    return both["Training"]


def of_type(template: Template, kind: str) -> dict[str, dict[str, Any]]:
    found = template["Resources"].items()
    return {name: one["Properties"] for name, one in found if one["Type"] == kind}


def statements(template: Template, role: str) -> list[dict[str, Any]]:
    return [
        statement
        for name, resource in template["Resources"].items()
        if name.startswith(role) and "PolicyDocument" in resource["Properties"]
        for statement in resource["Properties"]["PolicyDocument"]["Statement"]
    ]


def actions(template: Template, role: str) -> set[str]:
    listed = [one["Action"] for one in statements(template, role)]
    return {name for one in listed for name in ([one] if isinstance(one, str) else one)}


def ends(arns: Any) -> set[str]:
    """The last part of each ARN in a statement's resources."""
    listed = arns if isinstance(arns, list) else [arns]
    return {arn["Fn::Join"][1][-1].rpartition(":")[2] for arn in listed}


def test_every_model_has_a_pipeline_that_nothing_but_starts_run(training: Template) -> None:
    pipelines = of_type(training, "AWS::CodePipeline::Pipeline").values()
    assert {pipeline["Name"] for pipeline in pipelines} == {f"edgeline-model-{model}" for model in MODELS}
    for pipeline in pipelines:
        assert pipeline["ExecutionMode"] == "QUEUED"
        declared = {variable["Name"] for variable in pipeline["Variables"]}
        assert {"SEED", "AS_OF", "LABELS_MANIFEST", "CHILDREN", "ALONE", "STARTED_BY"} <= declared


def test_a_deployment_starts_whichever_of_them_it_touched() -> None:
    assert {f"edgeline-model-{model}" for model in MODELS} <= set(
        workflow_names(Edgeline.from_values(BOTH_TASKS))
    )


def test_every_schedule_starts_its_model(training: Template) -> None:
    rules = of_type(training, "AWS::Events::Rule").values()
    started = {
        target["Arn"]["Fn::Join"][1][-1].rpartition(":")[2]: rule["ScheduleExpression"]
        for rule in rules
        for target in rule["Targets"]
        if ":edgeline-model-" in json.dumps(target["Arn"])
    }
    assert started == {
        "edgeline-model-tags": "rate(7 days)",
        "edgeline-model-species": "rate(30 days)",
        "edgeline-model-flowers": "rate(14 days)",
    }


def test_every_method_is_signed_and_checked(training: Template) -> None:
    methods = of_type(training, "AWS::ApiGateway::Method").values()
    assert sorted(method["HttpMethod"] for method in methods) == ["GET", "GET", "POST"]
    assert {method["AuthorizationType"] for method in methods} == {"AWS_IAM"}
    assert all("RequestValidatorId" in method for method in methods)
    (post,) = [method for method in methods if method["HttpMethod"] == "POST"]
    assert post["RequestParameters"] == {"method.request.header.Idempotency-Key": True}
    (model,) = of_type(training, "AWS::ApiGateway::Model").values()
    assert model["Schema"]["additionalProperties"] is False


def test_the_stage_is_limited_logged_and_traced(training: Template) -> None:
    (stage,) = of_type(training, "AWS::ApiGateway::Stage").values()
    (settings,) = stage["MethodSettings"]
    assert (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]) == (20, 40)
    assert stage["TracingEnabled"]
    assert "identity.userArn" in stage["AccessLogSetting"]["Format"]


def test_the_starter_policy_calls_these_paths_and_does_nothing_else(training: Template) -> None:
    (statement,) = statements(training, "StartsRunsStarterPolicy")
    assert statement["Action"] == "execute-api:Invoke"
    paths = {
        "".join(part for part in arn["Fn::Join"][1] if isinstance(part, str)).rpartition(":")[2]
        for arn in statement["Resource"]
    }
    assert {path.partition("/")[2].lstrip("/") for path in paths} == {
        "POST/models/*/runs", "GET/models/*/runs", "GET/models/*/runs/*",
    }  # fmt: skip


def test_who_starts_reads_no_run_and_who_reads_starts_none(training: Template) -> None:
    started = {name for name in actions(training, "StartsRunsStartRunRole") if "codepipeline" in name}
    assert started == {"codepipeline:StartPipelineExecution"}
    (start,) = [
        one for one in statements(training, "StartsRunsStartRunRole")
        if one["Action"] == "codepipeline:StartPipelineExecution"
    ]  # fmt: skip
    assert ends(start["Resource"]) == {f"edgeline-model-{model}" for model in MODELS}
    read = {name for name in actions(training, "StartsRunsReadRunsRole") if name[:4] in ("code", "sage")}
    assert {name.split(":")[1].startswith(("Get", "List", "Describe")) for name in read} == {True}


def test_pictures_and_labels_come_by_events_of_their_prefixes(training: Template) -> None:
    patterns = [
        rule["EventPattern"]["detail"]["object"]["key"]
        for rule in of_type(training, "AWS::Events::Rule").values()
        if rule.get("EventPattern", {}).get("source") == ["aws.s3"]
    ]
    assert sorted(patterns, key=str) == [[{"prefix": "images/species/"}], [{"prefix": "labels/tags/"}]]


def test_what_counts_lists_no_bucket(training: Template) -> None:
    for role in ("StartsNewDataNoteNewDataRole", "StartsNewDataTrainAtThresholdRole"):
        listed = [one for one in statements(training, role) if "s3:ListBucket" in one["Action"]]
        under = [one["Condition"]["StringLike"]["s3:prefix"] for one in listed]
        assert under in ([], [["labels/tags/*"]])


def test_the_artifacts_bucket_tells_of_labels_only_where_they_are_counted(both: dict[str, Template]) -> None:
    assert _tells(both["Data"]) == 2
    silent = copy.deepcopy(BOTH_TASKS)
    del silent["models"]["tags"]["train_at_images"]  # type: ignore[index]
    assert _tells(templates(silent)["Data"]) == 1


def _tells(data: Template) -> int:
    buckets = of_type(data, "AWS::S3::Bucket").values()
    return sum("EventBridgeConfiguration" in one.get("NotificationConfiguration", {}) for one in buckets)


def test_without_a_threshold_nothing_watches() -> None:
    values = copy.deepcopy(BOTH_TASKS)
    for model in values["models"].values():  # type: ignore[attr-defined]
        del model["train_at_images"]
    template = templates(values)["Training"]
    assert not of_type(template, "AWS::SQS::Queue")
    assert not [name for name in template["Resources"] if name.startswith("StartsNewData")]
    assert of_type(template, "AWS::ApiGateway::RestApi")


def test_the_functions_are_told_what_they_read() -> None:
    told = configured_starts(Edgeline.from_values(BOTH_TASKS))
    tags, species, flowers = workflows(json.dumps(told))
    assert (tags.task, tags.name, tags.pipeline) == ("detection", "edgeline-model-tags", "edgeline-tags")
    assert (tags.train_at_images, tags.prefix) == (50, "")
    assert species.classes == {"mushroom", "daffodil", "tulip"}
    assert (species.children, species.prefix) == (("flowers",), "images/species/")
    assert flowers.classes == {"daffodil", "tulip"}
    assert (flowers.children, flowers.prefix) == ((), "images/species/")


def test_the_account_has_one_role_for_the_logs_of_its_apis(both: dict[str, Template]) -> None:
    assert len(of_type(both["Data"], "AWS::ApiGateway::Account")) == 1
    assert not of_type(both["Training"], "AWS::ApiGateway::Account")
