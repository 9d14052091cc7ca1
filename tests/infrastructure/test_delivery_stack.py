"""The Delivery stack: what the pipeline does in which order, with which parts, and what it hands on."""

import json
from pathlib import Path

import pytest
from across_accounts import configuration, make_app, of_kind
from cloud_assembly import Assembly, Template
from delivered import actions, order, pipeline, read, synthesize

from stacks.edgeline import add_edgeline


@pytest.fixture
def delivery(templates: dict[str, Template]) -> Template:
    return templates["Delivery"]


def test_one_v2_pipeline_that_goes_on_in_its_new_form_after_it_has_changed_itself(delivery: Template) -> None:
    found = pipeline(delivery)
    assert found["PipelineType"] == "V2"
    assert found["RestartExecutionOnUpdate"] is True
    assert found["Name"] == "edgeline-delivery"
    assert "EncryptionKey" not in found["ArtifactStore"]


def test_the_stages_in_their_order(delivery: Template) -> None:
    names = [stage["Name"] for stage in pipeline(delivery)["Stages"]]
    assert names == ["Source", "Build", "UpdatePipeline", "Assets", "Tools", "Staging", "Prod"]


def test_data_before_its_users_and_the_workflows_last(delivery: Template) -> None:
    runs = order(delivery, "Tools")
    assert runs[:2] == [["edgeline-data.Prepare"], ["edgeline-data.Deploy"]]
    users = {name for run in runs[2:-1] for name in run}
    assert {"edgeline-labeling.Deploy", "edgeline-training.Deploy", "edgeline-edge.Deploy"} <= users
    assert runs[-1] == ["StartWorkflows"]


def test_prod_waits_for_a_person_and_staging_for_nobody(delivery: Template) -> None:
    assert order(delivery, "Prod") == [
        ["ApproveProd"],
        ["edgeline-prod-serving.Prepare"],
        ["edgeline-prod-serving.Deploy"],
    ]
    assert order(delivery, "Staging") == [["Prepare"], ["Deploy"]]


def test_the_approval_can_be_left_out(tmp_path: Path) -> None:
    found = synthesize(tmp_path, {"approve_prod": False}, parts=["promotion"])["Delivery"]
    assert order(found, "Prod") == [["Prepare"], ["Deploy"]]
    assert "ApproverPolicyArn" not in found["Outputs"]


def test_what_is_deployed_is_what_cdk_deploy_deploys(assembly: Assembly, delivery: Template) -> None:
    paths = [
        action["Configuration"]["TemplatePath"].removeprefix("Synth_Output::")
        for stage in ("Tools", "Staging", "Prod")
        for action in actions(delivery, stage).values()
        if "TemplatePath" in action.get("Configuration", {})
    ]
    templates = {file.relative_to(assembly.directory).as_posix() for file in assembly.template_files}
    assert set(paths) == templates - {"Delivery.template.json"}


@pytest.mark.parametrize(
    ("parts", "stages", "workflows"),
    [
        (["labeling"], ["Tools"], ["edgeline-labeling"]),
        (["promotion"], ["Tools", "Staging", "Prod"], []),
        (["training", "edge"], ["Tools"], ["edgeline-model-tags", "edgeline-inspector"]),
    ],
)
def test_parts_that_are_left_out_are_neither_deployed_nor_started(
    tmp_path: Path, parts: list[str], stages: list[str], workflows: list[str]
) -> None:
    found = synthesize(tmp_path, {}, parts=parts)
    named = {name.partition("/")[2].lower() for name in found if name.startswith("Tools/")}
    assert named == {"data", "cost", *parts}
    assert [stage["Name"] for stage in pipeline(found["Delivery"])["Stages"]][4:] == stages
    tools = actions(found["Delivery"], "Tools")
    assert ("StartWorkflows" in tools) == bool(workflows)
    if workflows:
        parameters = json.loads(tools["StartWorkflows"]["Configuration"]["UserParameters"])
        assert parameters["pipelines"] == workflows


def test_the_workflows_are_started_with_what_was_deployed(delivery: Template) -> None:
    configuration = actions(delivery, "Tools")["StartWorkflows"]["Configuration"]
    parameters = json.loads(configuration["UserParameters"])
    assert parameters["pipelines"] == ["edgeline-labeling", "edgeline-model-tags", "edgeline-inspector"]
    namespace = actions(delivery, "Source")["Source"]["Namespace"]
    assert parameters["commit"] == f"#{{{namespace}.CommitId}}"
    function = delivery["Resources"][configuration["FunctionName"]["Ref"]]["Properties"]
    assert function["Handler"] == "lambdas.delivery.start_workflows.handler"


def test_what_the_pipeline_delivers_has_the_tags_of_the_project(templates: dict[str, Template]) -> None:
    for stack in ("Data", "Labeling", "Staging/Serving", "Delivery"):
        roles = of_kind(templates[stack], "AWS::IAM::Role").values()
        assert roles, stack
        for properties in roles:
            assert {"Key": "project", "Value": "edgeline"} in properties["Tags"], stack


def test_without_delivery_there_is_no_such_stack(tmp_path: Path) -> None:
    app = make_app(tmp_path)
    add_edgeline(app, configuration({}, parts=["labeling"]))
    app.synth()
    assert "Delivery" not in dict(read(tmp_path))
