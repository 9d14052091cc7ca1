import hashlib
import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
import yaml
from aws_cdk import assertions
from machines import actions_of, after_failure, defects, definition_in, statements_in, ways_on

from config import Edgeline
from edge import publish
from edge.publish import Publication
from stacks.constructs.inspector_component import CODE, content_digest, content_version
from stacks.data_stack import DataStack
from stacks.edge_stack import EdgeStack
from stacks.wildcards import WILDCARD_ACTIONS

ROOT = Path(__file__).parents[2]
THING = "${credentials-iot:ThingName}"


def synthesize(**fleet: Any) -> dict[str, Any]:
    app = cdk.App(context=json.loads((ROOT / "cdk.json").read_text())["context"])
    models = {"tags": {"task": "detection", "classes": ["scratch"]}}
    config = Edgeline.from_values({"name": "edgeline", "models": models, "fleet": fleet})
    data = DataStack(app, "Data", config=config)
    stack = EdgeStack(
        app, "Edge", config=config, images=data.images, artifacts=data.artifacts, key=data.key,
        workflows=data.workflows,
    )  # fmt: skip
    found: dict[str, Any] = assertions.Template.from_stack(stack).to_json()
    return found


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return synthesize()


@pytest.fixture(scope="module")
def definition(template: dict[str, Any]) -> dict[str, Any]:
    return definition_in(template)


def properties(template: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [r["Properties"] for r in template["Resources"].values() if r["Type"] == kind]


def text(value: Any) -> str:
    """A value with its references as their names."""
    match value:
        case {"Fn::Join": [_, parts]}:
            return "".join(map(text, parts))
        case {"Fn::GetAtt": [name, _]} | {"Fn::ImportValue": name} | {"Ref": name} | {"Fn::Sub": name}:
            return str(name)
    return str(value)


def test_a_promotion_of_the_fleets_model_and_an_inspector_start_a_rollout(template: dict[str, Any]) -> None:
    rules = properties(template, "AWS::Events::Rule")
    assert [rule["EventPattern"] for rule in rules] == [
        {
            "source": ["edgeline"],
            "detail-type": ["Model Promoted"],
            "detail": {"model": ["tags"]},
        },
        {
            "source": ["edgeline"],
            "detail-type": ["Inspector Published"],
            "detail": {"component": ["com.edgeline.inspector"]},
        },
    ]
    assert all("DeadLetterConfig" in rule["Targets"][0] for rule in rules)


def test_no_rollout_begins_before_the_inspector_is_published(definition: dict[str, Any]) -> None:
    states = definition["States"]
    check = states["Is the inspector published?"]
    assert check["Next"] == "Create model component"
    [patience] = [rule for rule in check["Retry"] if rule["ErrorEquals"] == ["InspectorNotPublished"]]
    assert patience["IntervalSeconds"] * patience["MaxAttempts"] == 20 * 60
    reached_from = [name for name, state in states.items() if "Create model component" in ways_on(state)]
    assert reached_from == ["Is the inspector published?"]


def test_a_published_inspector_goes_with_the_model_that_prod_runs_or_nowhere(
    definition: dict[str, Any],
) -> None:
    states = definition["States"]
    assert states["Which model?"]["Default"] == "Find running model"
    find = states["Find running model"]
    assert (find["ResultPath"], find["Next"]) == ("$.model_package_arn", "Does a model run?")
    assert states["Does a model run?"]["Default"] == "Give unused turn back"
    assert states["No model to inspect with"]["Type"] == "Succeed"


def test_the_state_machine_is_whole(definition: dict[str, Any]) -> None:
    assert defects(definition) == []


@pytest.mark.parametrize(
    ("state", "undone"),
    [
        ("Create model component", []),
        ("Read staging group", []),
        ("Deploy to staging devices", ["staging"]),
        ("Check staging devices", ["staging"]),
        ("Judge staging devices", ["staging"]),
        ("Read prod group", ["staging"]),
        ("Deploy to prod devices", ["prod", "staging"]),
        ("Check prod devices", ["prod", "staging"]),
        ("Judge prod devices", ["prod", "staging"]),
    ],
)
def test_a_failure_redeploys_the_version_before(
    definition: dict[str, Any], state: str, undone: list[str]
) -> None:
    passed = after_failure(definition, state)
    redeployed = [name.split()[-2] for name in passed if name.startswith("Redeploy version before")]
    assert redeployed == undone
    assert passed[-1] == "Rollout failed"


def test_prod_devices_come_after_the_health_of_the_staging_devices(definition: dict[str, Any]) -> None:
    states = definition["States"]
    healthy = states["Are staging devices healthy?"]["Choices"]
    assert [choice["Next"] for choice in healthy] == ["Read prod group"]
    assert states["Read staging group"]["Parameters"]["required"] is True
    assert states["Read prod group"]["Parameters"]["required"] is False


def test_a_device_writes_under_its_own_name_only(template: dict[str, Any]) -> None:
    writing = [
        statement
        for name, statement in statements_in(template)
        if name.startswith("TokenExchange") and "s3:PutObject" in actions_of(statement)
    ]
    assert len(writing) == 1
    own = [text(resource).rpartition("/*")[0].split("/", 1)[1] for resource in writing[0]["Resource"]]
    assert own == [f"edge/{THING}", f"images/tags/returned/{THING}"]


def test_a_device_reads_components_and_nothing_else(template: dict[str, Any]) -> None:
    reading = [
        statement
        for name, statement in statements_in(template)
        if name.startswith("TokenExchange") and "s3:GetObject" in actions_of(statement)
    ]
    [statement] = reading
    assert text(statement["Resource"]).split("/", 1)[1] == "components/*"


def test_devices_get_the_role_from_the_credentials_provider(template: dict[str, Any]) -> None:
    (alias,) = properties(template, "AWS::IoT::RoleAlias")
    role = template["Resources"][alias["RoleArn"]["Fn::GetAtt"][0]]["Properties"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "credentials.iot.amazonaws.com"}


def test_a_certificate_speaks_for_its_own_thing(template: dict[str, Any]) -> None:
    policies = properties(template, "AWS::IoT::Policy")
    assert len(policies) == 2
    for policy in policies:
        for statement in policy["PolicyDocument"]["Statement"]:
            actions, resources = actions_of(statement), statement["Resource"]
            resources = resources if isinstance(resources, list) else [resources]
            if actions[0].startswith("greengrass:"):
                assert resources == ["*"]
            elif actions == ["iot:AssumeRoleWithCertificate"]:
                assert [text(resource)[:18] for resource in resources] == ["TokenExchangeAlias"]
            else:
                assert all("${iot:Connection.Thing.ThingName}" in text(resource) for resource in resources)


def test_creating_deployments_has_the_iot_actions_that_it_depends_on(template: dict[str, Any]) -> None:
    held: dict[str, set[str]] = {}
    for name, statement in statements_in(template):
        held.setdefault(name, set()).update(actions_of(statement))
    dependent = {
        "iot:CancelJob",
        "iot:CreateJob",
        "iot:DeleteThingShadow",
        "iot:DescribeJob",
        "iot:DescribeThing",
        "iot:DescribeThingGroup",
        "iot:GetThingShadow",
        "iot:UpdateJob",
        "iot:UpdateThingShadow",
    }
    deployers = [actions for actions in held.values() if "greengrass:CreateDeployment" in actions]
    assert len(deployers) == 2
    assert all(dependent <= actions for actions in deployers)


def test_only_listed_actions_are_allowed_on_everything(template: dict[str, Any]) -> None:
    everywhere = {
        action
        for _, statement in statements_in(template)
        if statement["Resource"] == "*"
        for action in actions_of(statement)
    }
    assert everywhere <= WILDCARD_ACTIONS.keys()


def published(template: dict[str, Any]) -> Publication:
    """What the build is told to publish."""
    (project,) = properties(template, "AWS::CodeBuild::Project")
    variables = project["Environment"]["EnvironmentVariables"]
    environment = {variable["Name"]: text(variable["Value"]) for variable in variables}
    return Publication.read({**environment, "GIT_COMMIT": "abc"})


def test_the_build_fills_the_recipe_of_the_version_that_rollouts_wait_for(template: dict[str, Any]) -> None:
    publication = published(template)
    recipe = yaml.safe_load(publish.recipe(ROOT, publication))
    assert recipe["ComponentName"] == publication.component == "com.edgeline.inspector"
    assert recipe["ComponentVersion"] == template["Outputs"]["InspectorVersion"]["Value"]
    configuration = recipe["ComponentConfiguration"]["DefaultConfiguration"]
    assert (configuration["model"], configuration["unsureLow"]) == ("tags", "0.15")
    [checked] = [
        function["Environment"]["Variables"]["INSPECTOR_ARN"]
        for function in properties(template, "AWS::Lambda::Function")
        if "INSPECTOR_ARN" in function.get("Environment", {}).get("Variables", {})
    ]
    assert text(checked) == publication.component_arn


def test_what_the_version_counts_is_what_the_build_publishes() -> None:
    assert publish.PARTS == CODE


def test_the_build_may_write_its_one_artifact_make_its_one_component_and_announce_it(
    template: dict[str, Any],
) -> None:
    statements = [s for name, s in statements_in(template) if name.startswith("InspectorBuildRole")]
    [put] = [s for s in statements if "s3:PutObject" in actions_of(s)]
    version = template["Outputs"]["InspectorVersion"]["Value"]
    key = f"components/com.edgeline.inspector/{version}/inspector.zip"
    assert text(put["Resource"]).split("/", 1)[1] == key == published(template).key
    [announce] = [s for s in statements if "events:PutEvents" in actions_of(s)]
    assert text(announce["Resource"]).endswith(":event-bus/default")
    component = [s for s in statements if "greengrass:CreateComponentVersion" in actions_of(s)]
    assert [text(s["Resource"]).endswith("components:com.edgeline.inspector") for s in component] == [True]


def test_another_configuration_is_another_inspector_version(template: dict[str, Any]) -> None:
    other = synthesize(unsure_low=0.2)
    versions = [found["Outputs"]["InspectorVersion"]["Value"] for found in (template, other)]
    assert versions[0] != versions[1]


def test_content_versions_are_stable_and_fit_the_nucleus() -> None:
    digest = content_digest("code", {"a": "b"})
    assert digest == hashlib.sha256(b'["code", {"a": "b"}]').hexdigest()
    assert digest != content_digest("other code", {"a": "b"})
    assert content_version("f" * 64) == f"1.0.{2**28 - 1}"


def test_the_models_recipe_fits_into_the_environment(template: dict[str, Any]) -> None:
    (function,) = [
        function
        for function in properties(template, "AWS::Lambda::Function")
        if "MODEL_RECIPE" in function.get("Environment", {}).get("Variables", {})
    ]
    variables = function["Environment"]["Variables"]
    assert len(json.dumps(variables)) < 4096
    assert "@COMPONENT@" in variables["MODEL_RECIPE"]


def test_outputs(template: dict[str, Any]) -> None:
    outputs = template["Outputs"]
    assert outputs["StagingThingGroup"]["Value"] == "edgeline-staging"
    assert outputs["ProdThingGroup"]["Value"] == "edgeline-prod"
    rest = {"StateMachineArn", "RoleAlias", "TokenExchangeRoleArn", "StagingIotPolicy", "ProdIotPolicy"}
    assert outputs["InspectorPipeline"]["Value"] == "edgeline-inspector"
    assert rest <= outputs.keys()
