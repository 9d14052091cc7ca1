"""What the functions of supervisors and approvers may do, and that annotators' may do none of it."""

import json
from typing import Any

import pytest
from cloud_assembly import Template
from machines import actions_of, statements_in

SUPERVISE, PACKAGES = "SupervisionServeSupervisionRole", "SupervisionServePackagesRole"
WORKBENCH = "WorkbenchServeWorkbenchRole"
OF_EVERY_FUNCTION = {
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
}


@pytest.fixture
def labeling(templates: dict[str, Template]) -> Template:
    return templates["Labeling"]


def allowed(template: Template, role: str) -> dict[str, dict[str, Any]]:
    """Each action that a role may do, with its statement."""
    return {
        action: statement
        for name, statement in statements_in(template)
        if name.startswith(role)
        for action in actions_of(statement)
        if action not in OF_EVERY_FUNCTION
    }


def test_the_approvers_function_decides_and_reads_what_there_is_to_decide_by(labeling: Template) -> None:
    found = allowed(labeling, PACKAGES)
    assert set(found) == {
        "sagemaker:ListModelPackages",
        "sagemaker:DescribeModelPackage",
        "sagemaker:UpdateModelPackage",
        "s3:GetObject",
        "s3:ListBucket",
        "kms:Decrypt",
    }
    readable = json.dumps(found["s3:GetObject"]["Resource"])
    assert readable.count("/releases/*/approval*") == 1
    assert readable.count("/runs/*/evaluation/*") == 1


def test_it_changes_the_decision_on_packages_of_the_line_and_nothing_else(labeling: Template) -> None:
    update = allowed(labeling, PACKAGES)["sagemaker:UpdateModelPackage"]
    assert update["Condition"] == {
        "StringEquals": {"sagemaker:ModelApprovalStatus": ["Approved", "Rejected"]},
        "Null": {"sagemaker:ModelLifeCycle:stage": "true"},
    }
    resources = update["Resource"] if isinstance(update["Resource"], list) else [update["Resource"]]
    assert all(":model-package/edgeline-" in json.dumps(arn) for arn in resources)


def test_the_promotion_believes_the_role_that_the_approvers_function_has(
    templates: dict[str, Template],
) -> None:
    [role] = [
        resource["Properties"]["RoleName"]
        for name, resource in templates["Labeling"]["Resources"].items()
        if name.startswith(PACKAGES) and resource["Type"] == "AWS::IAM::Role"
    ]
    believed = [
        resource["Properties"]["Environment"]["Variables"]["PAGE_ROLE"]
        for resource in templates["Promotion"]["Resources"].values()
        if resource["Type"] == "AWS::Lambda::Function"
        and "PAGE_ROLE" in resource["Properties"]["Environment"]["Variables"]
    ]
    assert believed == [role, role]


def test_the_supervisors_function_starts_and_ends_labeling_and_nothing_else_that_runs(
    labeling: Template,
) -> None:
    found = allowed(labeling, SUPERVISE)
    assert {action for action in found if action.startswith("states:")} == {
        "states:DescribeExecution",
        "states:ListExecutions",
        "states:SendTaskSuccess",
        "states:StartExecution",
    }
    machine = found["states:StartExecution"]["Resource"]
    assert list(machine) == ["Ref"]
    assert not {action for action in found if action.startswith("sagemaker:")}
    assert "dynamodb:DeleteItem" not in found


def test_the_annotators_function_starts_nothing_and_decides_nothing(labeling: Template) -> None:
    found = allowed(labeling, WORKBENCH)
    assert found, "the walk no longer finds the role"
    forbidden = ("sagemaker:", "states:Start", "states:List")
    assert not [action for action in found if action.startswith(forbidden)]
