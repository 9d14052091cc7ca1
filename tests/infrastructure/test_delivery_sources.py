"""The three kinds of source: what starts the pipeline, and who may push."""

import json
from pathlib import Path

import pytest
from across_accounts import of_kind
from cloud_assembly import Template
from delivered import actions, one, pipeline, policy, synthesize

from lambdas.delivery.deliveries import SOURCE_ACTION

CONNECTION = "arn:aws:codeconnections:eu-west-1:111122223333:connection/01234567"
CONNECTED = {"source": "connection", "repository": "me/line", "connection_arn": CONNECTION}


@pytest.fixture
def delivery(templates: dict[str, Template]) -> Template:
    return templates["Delivery"]


@pytest.fixture(scope="module")
def connected(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return synthesize(tmp_path_factory.mktemp("connected"), CONNECTED)["Delivery"]


@pytest.fixture(scope="module")
def uploaded(tmp_path_factory: pytest.TempPathFactory) -> Template:
    table = {"source": "s3", "approve_prod": False}
    return synthesize(tmp_path_factory.mktemp("uploaded"), table, data={"keep": False})["Delivery"]


def test_a_push_to_codecommit_is_looked_at_by_a_function(delivery: Template) -> None:
    source = actions(delivery, "Source")["Source"]
    assert source["ActionTypeId"]["Provider"] == "CodeCommit"
    assert source["Configuration"]["PollForSourceChanges"] is False
    repository = one(delivery, "AWS::CodeCommit::Repository")
    assert repository["RepositoryName"] == "edgeline"
    rule = one(delivery, "AWS::Events::Rule")
    assert rule["EventPattern"]["detail"] == {
        "event": ["referenceCreated", "referenceUpdated"],
        "referenceType": ["branch"],
        "referenceName": ["main"],
    }
    ((target,),) = [rule["Targets"]]
    function = delivery["Resources"][target["Arn"]["Fn::GetAtt"][0]]["Properties"]
    assert function["Handler"] == "lambdas.delivery.start_on_push.handler"
    variables = function["Environment"]["Variables"]
    assert json.loads(variables["IGNORE"]) == ["docs/**", "**.md", "LICENSE"]
    assert "Triggers" not in pipeline(delivery)


def test_the_function_names_the_action_that_the_pipeline_has(delivery: Template) -> None:
    assert list(actions(delivery, "Source")) == [SOURCE_ACTION]


def test_nothing_but_the_function_starts_the_pipeline(
    delivery: Template, connected: Template, uploaded: Template
) -> None:
    for template, rules in ((delivery, 1), (connected, 0), (uploaded, 1)):
        found = of_kind(template, "AWS::Events::Rule").values()
        assert len(found) == rules
        targets = [target["Arn"]["Fn::GetAtt"][0] for rule in found for target in rule["Targets"]]
        kinds = {template["Resources"][target]["Type"] for target in targets}
        assert kinds <= {"AWS::Lambda::Function"}
        starting = {
            logical_id.rstrip("0123456789ABCDEF")
            for logical_id, properties in of_kind(template, "AWS::IAM::Policy").items()
            if "codepipeline:StartPipelineExecution" in json.dumps(properties)
        }
        assert starting == {"StartWorkflowsRoleDefaultPolicy"} | (
            {"SourceStartFunctionRoleDefaultPolicy"} if rules else set()
        )


def test_a_push_through_a_connection_is_filtered_by_the_pipeline_itself(connected: Template) -> None:
    source = actions(connected, "Source")["Source"]
    assert source["Configuration"] == {
        "ConnectionArn": CONNECTION,
        "FullRepositoryId": "me/line",
        "BranchName": "main",
        "DetectChanges": False,
    }
    assert pipeline(connected)["Triggers"] == [
        {
            "ProviderType": "CodeStarSourceConnection",
            "GitConfiguration": {
                "SourceActionName": "Source",
                "Push": [
                    {
                        "Branches": {"Includes": ["main"]},
                        "FilePaths": {"Excludes": ["docs/**", "**.md", "LICENSE"]},
                    }
                ],
            },
        }
    ]
    assert connected["Outputs"]["SourceRepository"]["Value"] == "me/line"


@pytest.mark.parametrize("service", ["codeconnections", "codestar-connections"])
def test_a_connection_may_be_used_under_the_name_that_its_arn_has(tmp_path: Path, service: str) -> None:
    arn = CONNECTION.replace("codeconnections", service)
    found = synthesize(tmp_path, {**CONNECTED, "connection_arn": arn})["Delivery"]
    assert policy(found, "InfrastructurePipelineSource")[f"{service}:UseConnection"] == [arn]


def test_an_upload_is_looked_at_by_a_function(uploaded: Template) -> None:
    source = actions(uploaded, "Source")["Source"]
    assert source["ActionTypeId"]["Provider"] == "S3"
    assert source["Configuration"]["S3ObjectKey"] == "source.zip"
    assert source["Configuration"]["PollForSourceChanges"] is False
    bucket = source["Configuration"]["S3Bucket"]["Ref"]
    properties = uploaded["Resources"][bucket]["Properties"]
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    events = properties["NotificationConfiguration"]
    assert events == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    rule = one(uploaded, "AWS::Events::Rule")
    assert rule["EventPattern"]["detail"] == {
        "bucket": {"name": [{"Ref": bucket}]},
        "object": {"key": ["source.zip"]},
    }
    starting = policy(uploaded, "SourceStartFunctionRole")
    assert {"s3:GetObjectVersion", "s3:ListBucketVersions"} <= starting.keys()
    parameters = actions(uploaded, "Tools")["StartWorkflows"]["Configuration"]["UserParameters"]
    assert f"#{{{source['Namespace']}.VersionId}}" in parameters


@pytest.mark.parametrize(
    ("source", "actions_allowed"),
    [
        ("codecommit", {"codecommit:GitPull", "codecommit:GitPush"}),
        ("s3", {"s3:PutObject"}),
    ],
)
def test_pushers_may_push_and_no_more(
    delivery: Template, uploaded: Template, source: str, actions_allowed: set[str]
) -> None:
    template = delivery if source == "codecommit" else uploaded
    assert policy(template, "SourcePusherPolicy").keys() == actions_allowed
    output = template["Outputs"]["PusherPolicyArn"]["Value"]["Ref"]
    assert template["Resources"][output]["Type"] == "AWS::IAM::ManagedPolicy"


def test_the_outputs_are_what_a_person_needs(
    delivery: Template, connected: Template, uploaded: Template
) -> None:
    assert set(delivery["Outputs"]) == {
        "PipelineName",
        "ApproverPolicyArn",
        "SourceRepository",
        "PusherPolicyArn",
    }
    assert set(connected["Outputs"]) == {"PipelineName", "SourceRepository"}
    assert set(uploaded["Outputs"]) == {"PipelineName", "SourceBucket", "PusherPolicyArn"}


def test_the_source_outlives_the_stack_unless_nothing_is_to_be_kept(
    delivery: Template, uploaded: Template
) -> None:
    kept = [r for r in delivery["Resources"].values() if r["Type"] == "AWS::CodeCommit::Repository"]
    assert [resource["DeletionPolicy"] for resource in kept] == ["Retain"]
    buckets = [r for r in uploaded["Resources"].values() if r["Type"] == "AWS::S3::Bucket"]
    assert {resource["DeletionPolicy"] for resource in buckets} == {"Delete"}
