"""Tools, staging and prod in three accounts: what crosses them is granted, and each grant is needed."""

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from faults.grants import Account, Grant, Replay
from faults.promoted import Promotions

from local.cloud.call_log import Decision
from local.cloud.ministack_accounts import account_of_arn
from local.cloud.server import LocalCloud

pytestmark = pytest.mark.acceptance
ACCOUNTS = {"tools": "111111111111", "staging": "222222222222", "prod": "333333333333"}
DIES_IN_PROD = "PROD and os._exit(9)"
KINDS: dict[str, dict[str, Any]] = {
    "serverless": {"kind": "serverless", "bake_seconds": 0},
    "realtime": {"kind": "realtime", "instances": 2, "canary_percent": 50, "bake_seconds": 1},
    "components": {"kind": "components", "instances": 2, "copies": 2, "bake_seconds": 1},
}

# What is granted for AWS, and nothing here asks for: by role and action.
NEVER_ASKED = {
    ("auditor", "sagemaker:DescribeEndpoint"): "people verify, not promotions: tests/e2e/test_accounts.py",
    ("auditor", "sagemaker:DescribeEndpointConfig"): "the same",
    ("auditor", "sagemaker:DescribeModel"): "the same",
    ("model", "cloudwatch:DescribeAlarms"): "no update here comes to be watched: test_guardrails.py",
    ("model", "cloudwatch:PutMetricData"): "containers print their metrics, and none puts them",
    ("model", "ecr:BatchCheckLayerAvailability"): "no image is pulled",
    ("model", "ecr:BatchGetImage"): "no image is pulled",
    ("model", "ecr:GetAuthorizationToken"): "no image is pulled",
    ("model", "ecr:GetDownloadUrlForLayer"): "no image is pulled",
    ("model", "logs:DescribeLogStreams"): "a stream is made, and not looked for first",
}
NEVER_ASKED_BY_REALTIME = {
    ("promoter", "cloudwatch:SetAlarmState"): "where an alarm is on before a deployment only",
}
NEVER_ASKED_BY_COMPONENTS = {
    ("auditor", "sagemaker:DescribeInferenceComponent"): "people verify, not promotions",
    ("promoter", "iam:CreateServiceLinkedRole"): "an account's first target only, here one of an instance",
    ("promoter", "sagemaker:UpdateEndpoint"): "where the instances change; here the component alone does",
    ("promoter", "sagemaker:UpdateEndpointWeightsAndCapacities"): "AWS names it for targets of every kind",
}


class ThreeAccounts(Promotions):
    """The whole of a configuration with three accounts, and what IAM was asked while models were promoted."""

    def __init__(self, cloud: LocalCloud, folder: Path, kind: str) -> None:
        """`kind` is the kind of prod's endpoint."""
        self.cloud, self.name = cloud, f"across-{kind}"
        with cloud.calls.recording() as self.decisions:
            super().__init__(cloud, folder, ACCOUNTS, name=self.name, endpoints={"prod": KINDS[kind]})

    def begin(self) -> None:
        """Put back where nothing was, bring a good model into both endpoints, put back where it was."""
        self._look_every_second()
        assert self.promote(self.register(on_load=DIES_IN_PROD))["status"] == "FAILED"
        assert self.endpoints() == {number: [] for number in ACCOUNTS.values()}
        super().begin()
        assert self.promote(self.register(on_load=DIES_IN_PROD))["status"] == "FAILED"

    def _look_every_second(self) -> None:
        states, named = self.deployed.states, {"stateMachineArn": self.machine}
        definition = states.describe_state_machine(**named)["definition"]
        states.update_state_machine(**named, definition=definition.replace('"Seconds":5', '"Seconds":1'))

    def endpoints(self) -> dict[str, list[str]]:
        """The endpoints of this line by their account."""
        found = {}
        for number in ACCOUNTS.values():
            sagemaker = self.cloud.root_session(number).client("sagemaker")
            listed = sagemaker.list_endpoints(NameContains=f"{self.name}-")["Endpoints"]
            found[number] = [endpoint["EndpointName"] for endpoint in listed]
        return found

    def grants(self) -> list[Grant]:
        """Every grant by which something of an account reaches into another, or acts there."""
        tools, *workloads = (Account(self.cloud, number) for number in ACCOUNTS.values())
        acting = [own for account in workloads for role in account.acting() for own in account.own(role)]
        trusts = [grant for account in workloads for grant in account.trusts()]
        everything = [*tools.shared(), *tools.becoming_others(), *trusts, *acting]
        return [grant for grant in everything if grant.role.startswith(f"{self.name}-")]

    def the_grant(self, where: str, role: str, action: str) -> Grant:
        """The one grant of an action to a role by policies of a kind."""
        named = (f"{self.name}-{role}", action)
        [found] = [g for g in self.grants() if (g.role, g.action) == named and where in g.where]
        return found


@pytest.fixture(scope="module")
def lines(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], ThreeAccounts]:
    """The line of three accounts with a kind of endpoint in prod; each is deployed once."""
    return functools.cache(lambda kind: ThreeAccounts(cloud, tmp_path_factory.mktemp(kind), kind))


@pytest.fixture(scope="module")
def line(lines: Callable[[str], ThreeAccounts]) -> ThreeAccounts:
    return lines("serverless")


def test_the_endpoints_are_in_their_own_accounts_only(line: ThreeAccounts) -> None:
    assert line.endpoints() == {
        ACCOUNTS["tools"]: [], ACCOUNTS["staging"]: [line.staging], ACCOUNTS["prod"]: [line.prod]
    }  # fmt: skip
    for environment, session in zip(("staging", "prod"), line.at.values(), strict=True):
        stacks = session.client("cloudformation").describe_stacks()["Stacks"]
        ours = [stack["StackName"] for stack in stacks if stack["StackName"].startswith(f"{line.name}-")]
        assert ours == [f"{line.name}-{environment}-serving"]


def test_across_accounts_go_assumed_roles_models_and_packages_only(line: ThreeAccounts) -> None:
    crossing = {
        decision.action
        for decision in line.decisions
        if decision.principal_arn.startswith("arn:")
        and owner_of(line, decision) not in (None, account_of_arn(decision.principal_arn))
    }
    assert crossing == {
        "sts:AssumeRole", "s3:GetObject", "kms:Decrypt",
        "sagemaker:CreateModel", "sagemaker:DescribeModelPackage",
    }  # fmt: skip


def owner_of(line: ThreeAccounts, decision: Decision) -> str | None:
    """The account of what was asked for, where its name says so."""
    if decision.resource.startswith(f"arn:aws:s3:::{line.bucket}"):
        return ACCOUNTS["tools"]
    return account_of_arn(decision.resource)


def ends_scaling(grant: Grant) -> bool:
    """Whether it is for the alarms of a target that is deregistered: where the instances change, not here."""
    resources = json.dumps(grant.document["Statement"][grant.statement].get("Resource", ""))
    return grant.action == "cloudwatch:DeleteAlarms" and "TargetTracking" in resources


@pytest.mark.parametrize("kind", KINDS)
def test_each_grant_that_crosses_accounts_is_needed_and_its_want_is_denied_by_name(
    lines: Callable[[str], ThreeAccounts], kind: str, subtests: pytest.Subtests
) -> None:
    line = lines(kind)
    grants = line.grants()
    replay = Replay(line.cloud, line.decisions, {(grant.role, grant.action) for grant in grants})
    assert replay.denied() == set()
    by_kind = {"components": NEVER_ASKED_BY_COMPONENTS, "realtime": NEVER_ASKED_BY_REALTIME}
    never = {**NEVER_ASKED, **by_kind.get(kind, {})}
    asked = [
        grant
        for grant in grants
        if (grant.role.rpartition("-")[2], grant.action) not in never and not ends_scaling(grant)
    ]
    assert never.keys() <= {(grant.role.rpartition("-")[2], grant.action) for grant in grants}
    assert len(asked) > 30
    for grant in asked:
        with subtests.test(str(grant)), grant.removed():
            assert replay.denied() == {(grant.role, grant.action)}
    assert replay.denied() == set()


@pytest.mark.parametrize(
    ("where", "role", "action"),
    [
        ("bucket", "prod-model", "s3:GetObject"),
        ("key", "prod-model", "kms:Decrypt"),
        ("model package group", "prod-promoter", "sagemaker:CreateModel"),
        ("trust of across-serverless-prod-promoter", "promotion-deploy-endpoint", "sts:AssumeRole"),
        ("trust of across-serverless-staging-tester", "staging-test", "sts:AssumeRole"),
        ("own policy", "staging-test", "sts:AssumeRole"),
        ("own policy", "staging-tester", "sagemaker:InvokeEndpoint"),
        ("own policy", "prod-promoter", "iam:PassRole"),
        ("own policy", "prod-model", "s3:GetObject"),
    ],
)
def test_a_promotion_without_a_grant_ends_by_name_and_prod_serves_what_it_did(
    line: ThreeAccounts, where: str, role: str, action: str
) -> None:
    before, grant = line.serves(), line.the_grant(where, role, action)
    package = line.register()
    line.cloud.calls.clear()
    with grant.removed():
        ended = line.promote(package)
    assert ended["status"] == "FAILED"
    assert line.outcome(package) == ended["error"]
    denials = {(denial.principal, denial.action) for denial in line.cloud.calls.denials}
    assert (f"role/{grant.role}", action) in denials
    assert line.serves() == before


def test_with_every_grant_back_the_next_promotion_goes_through(line: ThreeAccounts) -> None:
    package = line.register()
    assert line.promote(package)["status"] == "SUCCEEDED"
    [(_, config, score)] = [served for name, served in line.serves().items() if name == line.prod]
    assert f"v{package.rpartition('/')[2]}-" in config
    assert score == pytest.approx(0.9)
    record: dict[str, Any] = json.loads(
        line.deployed.s3.get_object(
            Bucket=line.bucket, Key=f"releases/tags/{package.rpartition('/')[2]}/release.json"
        )["Body"].read()
    )
    assert record["outcome"] == "promoted"
