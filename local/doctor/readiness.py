"""Whether an account is ready for a deployment: bootstrap, trust, connection, roles, Lake Formation, tags."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from config import Edgeline
from local.doctor.account import Account, Check
from local.doctor.finding import Finding
from stacks.names import PROJECT_TAG

_VERSION = "/cdk-bootstrap/hnb659fds/version"
_SMALLEST_VERSION = 30
_POLICY_ARN = "arn:aws:iam::{account}:policy/{name}-cloudformation"
_DOCUMENT = "file://bootstrap/execution-policy.json"
_LOG_GROUPS = "/aws/sagemaker/"


def bootstrap_command(account: str, region: str, config: Edgeline) -> str:
    """What bootstraps one account, once there is the policy; the others trust the tools account."""
    policy = _POLICY_ARN.format(account=account, name=config.name)
    trust = ""
    if config.accounts.several and account != config.accounts.tools:
        trust = f" --trust {config.accounts.tools}"
    made = f"aws iam create-policy --policy-name {config.name}-cloudformation --policy-document {_DOCUMENT}"
    return (
        f"{made}; cdk bootstrap aws://{account}/{region}{trust} --cloudformation-execution-policies {policy}"
    )


def other_accounts(account: Account | str, config: Edgeline) -> Iterator[Finding]:
    """Name the accounts that these credentials are not of, and refuse ones that are of none of them."""
    region, signed_in = config.accounts.region or "REGION", getattr(account, "number", None)
    named = _numbers(config)
    if signed_in and named and signed_in not in named:
        yield Finding(
            "error", f"your credentials are of {signed_in}, which edgeline.toml does not name",
            "edgeline.toml accounts", "use credentials of one of its accounts",
        )  # fmt: skip
    for number in named[0 if signed_in in named else 1 :]:
        if number != signed_in:
            yield Finding(
                "unchecked", f"whether {number} is bootstrapped", f"account {number}",
                f"run the doctor with its credentials; {bootstrap_command(number, region, config)}",
            )  # fmt: skip


def _numbers(config: Edgeline) -> list[str]:
    accounts = config.accounts
    return list(dict.fromkeys(n for n in (accounts.tools, accounts.staging, accounts.prod) if n))


def checks(config: Edgeline) -> Sequence[Check]:
    """What to ask the account about this configuration."""
    region = config.accounts.region or "REGION"
    command = bootstrap_command((_numbers(config) or ["ACCOUNT"])[0], region, config)
    found = [
        Check("whether the account is bootstrapped", "account", command, _bootstrap),
        Check(
            "whether Lake Formation stands before the Glue table of the labels", "account",
            "aws lakeformation get-data-lake-settings", _lake_formation,
        ),
        Check(
            "service-linked roles", "account", "aws iam get-role --role-name AWSServiceRoleForAPIGateway",
            _linked_roles,
        ),
        Check(
            "whether the cost allocation tag is active: until then the budget sees nothing", "Billing",
            _ACTIVATE, _cost_tag,
        ),
        Check(
            "log groups of SageMaker without an end", "account",
            f"aws logs describe-log-groups --log-group-name-prefix {_LOG_GROUPS}", _log_groups,
        ),
    ]  # fmt: skip
    if "edge" in config.parts:
        remedy = "aws greengrassv2 get-service-role-for-account"
        found.append(Check("the service role of Greengrass", "account", remedy, _greengrass_role))
    if config.delivery is not None and config.delivery.source == "connection":
        remedy = f"aws codeconnections get-connection --connection-arn {config.delivery.connection_arn}"
        found.append(Check("whether the connection is authorised", "delivery", remedy, _connection))
    return found


_ACTIVATE = (
    "a day after the first deployment, in the paying account: aws ce update-cost-allocation-tags-status "
    f"--cost-allocation-tags-status TagKey={PROJECT_TAG},Status=Active"
)


def _bootstrap(account: Account, config: Edgeline) -> Iterator[Finding]:
    where = f"account {account.number}/{account.region}"
    command = bootstrap_command(account.number, account.region, config)
    found = account.ask("ssm", "get_parameter", Name=_VERSION)
    if found is None:
        yield Finding("error", "the account is not bootstrapped", where, command)
        return
    version = int(found["Parameter"]["Value"])
    if version < _SMALLEST_VERSION:
        yield Finding("advice", f"the bootstrap is of version {version}", where, command)
    stack = account.ask("cloudformation", "describe_stacks", StackName="CDKToolkit")
    parameters = {
        parameter["ParameterKey"]: parameter.get("ParameterValue", "")
        for parameter in (stack or {"Stacks": [{}]})["Stacks"][0].get("Parameters", [])
    }
    policies = parameters.get("CloudFormationExecutionPolicies", "")
    if not policies or "AdministratorAccess" in policies:
        yield Finding("advice", "CloudFormation deploys as an administrator", where, command)
    trusted = parameters.get("TrustedAccounts", "")
    tools = config.accounts.tools or ""
    if config.accounts.several and account.number != tools and tools not in trusted:
        yield Finding("error", f"the account does not trust the tools account {tools}", where, command)


def _lake_formation(account: Account, config: Edgeline) -> Iterator[Finding]:
    settings = (account.ask("lakeformation", "get_data_lake_settings") or {}).get("DataLakeSettings", {})
    defaults = settings.get("CreateTableDefaultPermissions", [])
    everyone = any(
        permission.get("Principal", {}).get("DataLakePrincipalIdentifier") == "IAM_ALLOWED_PRINCIPALS"
        for permission in defaults
    )
    if not everyone:
        yield Finding(
            "error", "Lake Formation governs new Glue tables: the job role may not read the labels",
            f"account {account.number}, database sagemaker_featurestore",
            "after the first deployment grant the job role SELECT and DESCRIBE on the table: "
            "aws lakeformation grant-permissions",
        )  # fmt: skip


def _linked_roles(account: Account, config: Edgeline) -> Iterator[Finding]:
    if account.ask("iam", "get_role", RoleName="AWSServiceRoleForAPIGateway") is None:
        yield Finding(
            "advice", "API Gateway has no service-linked role yet", f"account {account.number}",
            "nothing; the first API makes it, which bootstrap/execution-policy.json allows",
        )  # fmt: skip


def _greengrass_role(account: Account, config: Edgeline) -> Iterator[Finding]:
    found = account.ask("greengrassv2", "get_service_role_for_account")
    if not (found or {}).get("roleArn"):
        yield Finding(
            "advice", "Greengrass has no service role in this region", f"account {account.number}",
            "needed for client devices and their connectivity, not for rollouts: "
            "aws greengrassv2 associate-service-role-to-account --role-arn ROLE",
        )  # fmt: skip


def _connection(account: Account, config: Edgeline) -> Iterator[Finding]:
    arn = config.delivery.connection_arn if config.delivery else None
    # The action that IAM checks is named after the service in the ARN.
    service = "codestar-connections" if ":codestar-connections:" in str(arn) else "codeconnections"
    found = account.ask(service, "get_connection", ConnectionArn=arn)
    if found is None:
        yield Finding("error", f"there is no connection {arn}", "delivery", "write the ARN of yours")
    elif (status := found["Connection"]["ConnectionStatus"]) != "AVAILABLE":
        yield Finding(
            "error", f"the connection is {status}, not AVAILABLE", "delivery",
            "console: Developer Tools, Connections, Update pending connection; once, by a person",
        )  # fmt: skip


def _cost_tag(account: Account, config: Edgeline) -> Iterator[Finding]:
    found = account.ask("ce", "list_cost_allocation_tags", TagKeys=[PROJECT_TAG]) or {}
    tags: list[dict[str, Any]] = found.get("CostAllocationTags", [])
    if not any(tag["Status"] == "Active" for tag in tags):
        yield Finding(
            "cost", f"the cost allocation tag {PROJECT_TAG} is not active: the budget sees nothing",
            "Billing", _ACTIVATE,
        )  # fmt: skip


def _log_groups(account: Account, config: Edgeline) -> Iterator[Finding]:
    groups = account.listed("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=_LOG_GROUPS)
    for group in groups:
        if "retentionInDays" not in group:
            name = group["logGroupName"]
            yield Finding(
                "cost", "a log group of SageMaker that never expires", name,
                f"aws logs put-retention-policy --log-group-name {name} --retention-in-days 180",
            )  # fmt: skip
