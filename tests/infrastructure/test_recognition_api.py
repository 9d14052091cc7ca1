"""The API that names what pictures show, where there are models that classify."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from across_accounts import PROD, STAGING, TOOLS, configuration, make_app
from cloud_assembly import Assembly, Template, read_assembly
from machines import actions_of, statements_in

from inference.endpoint_requests import CONTENT_TYPES
from lambdas.recognition.recognizers import Recognizer, ServedModel, read_recognizers
from stacks.edgeline import add_edgeline

COMPONENTS = {"kind": "components"}
MODELS: dict[str, Any] = {
    "species": {
        "task": "classification", "classes": ["mushroom"], "min_score": 0.4, "staging": COMPONENTS,
        "prod": COMPONENTS,
    },
    "flowers": {"task": "classification", "parent": "species", "classes": ["daisy", "iris"]},
    "flat": {"task": "classification", "classes": ["cat", "dog"]},
    "tags": {"task": "detection", "classes": ["scratch"]},
}  # fmt: skip


def synthesized(directory: Path, **accounts: str) -> Assembly:
    app = make_app(directory)
    add_edgeline(app, configuration(accounts, models=MODELS, fleet={"model": "tags"}))
    app.synth()
    return read_assembly(directory)


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    return synthesized(tmp_path_factory.mktemp("recognition"))


def of_kind(template: Template, kind: str) -> list[dict[str, Any]]:
    return [found["Properties"] for found in template["Resources"].values() if found["Type"] == kind]


def told(assembly: Assembly, environment: str) -> dict[str, Recognizer]:
    """What the environment's function reads; the documents of both are in the assembly."""
    files = list(assembly.directory.glob("**/lambdas/recognition/recognizers.json"))
    assert len(files) == 2
    (found,) = (
        read
        for read in (read_recognizers(str(file.resolve())) for file in files)
        if read["flat"].model.endpoint.endswith(environment)
    )
    return found


def test_a_parent_is_asked_with_its_children_and_a_flat_model_alone(assembly: Assembly) -> None:
    found = told(assembly, "prod")
    shared = "edgeline-species-prod"
    assert found == {
        "species": Recognizer(
            ServedModel("species", shared, 0.4, shared),
            {"flowers": ServedModel("flowers", shared, 0.5, "edgeline-flowers-prod")},
        ),
        "flat": Recognizer(ServedModel("flat", "edgeline-flat-prod", 0.5), {}),
    }


def test_the_rule_of_routing_is_packed_with_the_function_and_nothing_else_of_its_room(
    assembly: Assembly,
) -> None:
    for file in assembly.directory.glob("**/lambdas/recognition/recognizers.json"):
        room = file.parents[2] / "inference"
        assert sorted(path.name for path in room.iterdir()) == ["__init__.py", "routing.py"]


@pytest.mark.parametrize("stack", ["Staging/Serving", "Prod/Serving"])
def test_only_signed_posts_get_through_and_pictures_come_as_bytes(assembly: Assembly, stack: str) -> None:
    template = assembly.templates[stack]
    (method,) = of_kind(template, "AWS::ApiGateway::Method")
    assert (method["HttpMethod"], method["AuthorizationType"]) == ("POST", "AWS_IAM")
    (api,) = of_kind(template, "AWS::ApiGateway::RestApi")
    assert set(api["BinaryMediaTypes"]) == set(CONTENT_TYPES)


def test_the_function_may_ask_the_models_that_classify_and_do_nothing_else(assembly: Assembly) -> None:
    template = assembly.templates["Prod/Serving"]
    statements = [one for who, one in statements_in(template) if who.startswith("RecognitionRecognizeRole")]
    asked = [one for one in statements if "sagemaker:InvokeEndpoint" in actions_of(one)]
    named = json.dumps([one["Resource"] for one in asked])
    assert all(name in named for name in ("endpoint/edgeline-species-prod", "edgeline-flowers-prod"))
    assert "tags" not in named
    others = {action for one in statements if one not in asked for action in actions_of(one)}
    assert all(action.startswith(("logs:", "xray:")) for action in others), others


def test_the_policy_of_who_asks_lets_in_at_this_method_alone(assembly: Assembly) -> None:
    template = assembly.templates["Prod/Serving"]
    (policy,) = [
        found
        for found in of_kind(template, "AWS::IAM::ManagedPolicy")
        if found["Description"] == "Asks what pictures show"
    ]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Action"] == "execute-api:Invoke"
    assert "/POST/recognize/*" in json.dumps(statement["Resource"])


def test_there_is_no_such_api_where_nothing_classifies(assembly: Assembly, tmp_path: Path) -> None:
    app = make_app(tmp_path)
    add_edgeline(app, configuration({}))
    app.synth()
    assert not of_kind(read_assembly(tmp_path).templates["Prod/Serving"], "AWS::ApiGateway::RestApi")


def test_the_tools_account_has_one_role_for_the_logs_of_its_apis(assembly: Assembly) -> None:
    having = [
        stack for stack, found in assembly.templates.items() if of_kind(found, "AWS::ApiGateway::Account")
    ]
    assert having == ["Data"]


def test_so_has_an_account_that_plays_both_environments(tmp_path: Path) -> None:
    templates = synthesized(tmp_path, tools=TOOLS, staging=PROD, prod=PROD).templates
    having = {stack for stack, found in templates.items() if of_kind(found, "AWS::ApiGateway::Account")}
    assert having == {"Data", "Staging/Serving"}


def test_and_each_account_of_three(tmp_path: Path) -> None:
    templates = synthesized(tmp_path, tools=TOOLS, staging=STAGING, prod=PROD).templates
    having = {stack for stack, found in templates.items() if of_kind(found, "AWS::ApiGateway::Account")}
    assert having == {"Data", "Staging/Serving", "Prod/Serving"}
