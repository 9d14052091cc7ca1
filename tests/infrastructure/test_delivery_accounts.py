"""The delivery in one, two and three accounts: what it carries to others, and what it becomes there."""

from typing import Any

from across_accounts import REGION, TOOLS, Across, listed, of_kind, root, statements


def bootstrap_role(account: str, name: str) -> str:
    return f"arn:aws:iam::{account}:role/cdk-hnb659fds-{name}-role-{account}-{REGION}"


def let_in(policy: dict[str, Any]) -> set[str]:
    """The roles and accounts that a resource's policy allows anything."""
    allowed = [s["Principal"] for s in policy["Statement"] if s["Effect"] == "Allow"]
    return {arn for principal in allowed for arn in listed(principal.get("AWS", []))}


def allowed_to(action: str, template: dict[str, Any]) -> set[str]:
    """The bootstrap's roles on which an action is allowed; the template's own account filled in."""
    resources = [
        resource.get("Fn::Sub", "") if isinstance(resource, dict) else resource
        for statement in statements(template)
        if action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    ]
    own = {"${AWS::Partition}": "aws", "${AWS::AccountId}": TOOLS, "${AWS::Region}": REGION}
    for reference, value in own.items():
        resources = [resource.replace(reference, value) for resource in resources]
    return {resource for resource in resources if ":role/cdk-" in resource}


def test_what_the_delivery_carries_is_read_by_the_deploy_roles_of_the_accounts_and_no_others(
    across: Across,
) -> None:
    delivery = across.templates["Delivery"]
    deployers = {bootstrap_role(account, "deploy") for account in across.everyone}
    buckets = of_kind(delivery, "AWS::S3::BucketPolicy").values()
    reading = [let_in(properties["PolicyDocument"]) for properties in buckets]
    assert deployers in reading
    assert set().union(*reading) == deployers


def test_the_deliverys_key_is_there_for_several_accounts_only_and_for_their_deploy_roles(
    across: Across,
) -> None:
    keys = [
        let_in(properties["KeyPolicy"])
        for properties in of_kind(across.templates["Delivery"], "AWS::KMS::Key").values()
    ]
    deployers = {bootstrap_role(account, "deploy") for account in across.everyone}
    assert keys == ([deployers | {root(TOOLS)}] if len(across.everyone) > 1 else [])


def test_the_delivery_becomes_exactly_the_bootstrap_roles_of_the_accounts(across: Across) -> None:
    assert allowed_to("sts:AssumeRole", across.templates["Delivery"]) == {
        bootstrap_role(account, name) for account in across.everyone for name in ("deploy", "file-publishing")
    }


def test_each_stage_is_deployed_by_the_bootstrap_roles_of_its_own_account(across: Across) -> None:
    (pipeline,) = of_kind(across.templates["Delivery"], "AWS::CodePipeline::Pipeline").values()
    found = {
        (stage["Name"], action["RoleArn"], action["Configuration"]["RoleArn"])
        for stage in pipeline["Stages"]
        for action in stage["Actions"]
        if action["ActionTypeId"]["Provider"] == "CloudFormation" and "RoleArn" in action["Configuration"]
    }
    assert found == {
        (stage.capitalize(), bootstrap_role(account, "deploy"), bootstrap_role(account, "cfn-exec"))
        for stage, account in across.accounts.items()
    }
