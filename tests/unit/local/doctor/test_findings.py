"""Planted errors, each of which the doctor has to find, and nothing else."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from config import Edgeline
from local.doctor import configuration, estimate, execution_policy, ground_truth, quotas, readiness, templates
from local.doctor.account import Account, Check, NotCheckedError, run
from local.doctor.assembly import Stack, is_current, read
from local.doctor.finding import Finding, as_text

MODEL: dict[str, Any] = {"task": "detection", "classes": ["scratch"]}
REALTIME = {"kind": "realtime", "instance_type": "ml.m5.large", "instances": 2}
CONNECTION = "arn:aws:codeconnections:eu-west-1:210987654321:connection/01234567-89ab-cdef-0123-456789abcdef"


def config(**more: Any) -> Edgeline:
    return Edgeline.from_values({"name": "edgeline", "models": {"tags": MODEL}, **more})


def stack(**resources: tuple[str, Mapping[str, Any]]) -> Stack:
    defined = {name: {"Type": kind, "Properties": dict(values)} for name, (kind, values) in resources.items()}
    return Stack("Tools/Test", "edgeline-test", {"Resources": defined})


def policy(*actions: str, resource: str = "*") -> tuple[str, dict[str, Any]]:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    return "AWS::IAM::Policy", {"PolicyDocument": {"Statement": [statement]}}


def said(findings: Any, severity: str) -> str:
    return "\n".join(finding.line() for finding in findings if finding.severity == severity)


class TestConfiguration:
    def test_a_connection_of_somebody_elses_example_is_an_error(self) -> None:
        arn = "arn:aws:codeconnections:eu-west-1:111122223333:connection/..."
        delivery = {"source": "connection", "repository": "me/line", "connection_arn": arn}
        assert "is a placeholder" in said(configuration.check(config(delivery=delivery)), "error")

    def test_a_connection_in_another_region_than_the_pipeline_is_an_error(self) -> None:
        delivery = {"source": "connection", "repository": "me/line", "connection_arn": CONNECTION}
        accounts = {"tools": "210987654321", "region": "eu-central-1"}
        found = configuration.check(config(delivery=delivery, accounts=accounts))
        assert "the pipeline is not" in said(found, "error")

    def test_a_connection_of_the_tools_account_is_fine(self) -> None:
        delivery = {"source": "connection", "repository": "me/line", "connection_arn": CONNECTION}
        accounts = {"tools": "210987654321", "region": "eu-west-1"}
        assert said(configuration.check(config(delivery=delivery, accounts=accounts)), "error") == ""

    def test_an_example_account_is_an_error(self) -> None:
        accounts = {"tools": "111122223333", "region": "eu-west-1"}
        assert "111122223333" in said(configuration.check(config(accounts=accounts)), "error")

    def test_an_endpoint_that_is_always_on_costs(self) -> None:
        always_on = Edgeline.from_values(
            {"name": "edgeline", "models": {"tags": {**MODEL, "prod": REALTIME}}}
        )
        assert "always on: 2 ml.m5.large" in said(configuration.check(always_on), "cost")

    def test_components_cost_by_their_least_copies(self) -> None:
        for least, severity, words in ((1, "cost", "always on: 1 ml."), (0, "advice", "has no copy while")):
            prod = {"kind": "components", "min_copies": least}
            found = configuration.check(config(models={"tags": {**MODEL, "prod": prod}}))
            assert words in said(found, severity)


class TestTemplates:
    def test_a_service_that_takes_no_new_customers(self) -> None:
        planted = stack(Jobs=policy("sagemaker:CreateLabelingJob", resource="arn:x"))
        assert "Ground Truth takes no new customers" in said(templates.check([planted], "eu-west-1"), "error")
        monitored = stack(Monitor=("AWS::SageMaker::MonitoringSchedule", {}))
        assert "Model Monitor" in said(templates.check([monitored], "eu-west-1"), "error")

    def test_a_region_without_a_service_that_is_used(self) -> None:
        things = stack(Things=("AWS::IoT::ThingGroup", {}))
        assert "af-south-1 has no IoT Core" in said(templates.check([things], "af-south-1"), "error")
        assert said(templates.check([things], "eu-west-1"), "error") == ""
        assert said(templates.check([stack()], "af-south-1"), "error") == ""

    @pytest.mark.parametrize("region", [None, "xx-nowhere-1"])
    def test_a_region_that_is_not_known_is_not_fine(self, region: str | None) -> None:
        assert "whether" in said(templates.check([stack()], region), "unchecked")

    def test_a_wildcard_without_a_reason_is_an_error_and_one_with_a_reason_says_it(self) -> None:
        found = list(templates.check([stack(P=policy("s3:GetObject", "xray:PutTraceSegments"))], "eu-west-1"))
        assert "s3:GetObject is allowed on every resource" in said(found, "error")
        assert "a trace has no ARN" in said(found, "advice")

    @pytest.mark.parametrize(
        ("kind", "values"),
        [
            ("AWS::Logs::LogGroup", {}),
            ("AWS::Lambda::Function", {}),
            ("AWS::CodeBuild::Project", {}),
        ],
    )
    def test_logs_that_never_expire(self, kind: str, values: dict[str, Any]) -> None:
        assert "never expire" in said(templates.check([stack(It=(kind, values))], "eu-west-1"), "cost")

    def test_logs_that_expire(self) -> None:
        fine = stack(
            Group=("AWS::Logs::LogGroup", {"RetentionInDays": 1}),
            Function=("AWS::Lambda::Function", {"LoggingConfig": {"LogGroup": {"Ref": "Group"}}}),
        )
        assert said(templates.check([fine], "eu-west-1"), "cost") == ""


class TestGroundTruth:
    TEAM = "arn:aws:sagemaker:eu-west-1:210987654321:workteam/private-crowd/ours"
    OTHERS = "arn:aws:sagemaker:eu-west-1:210987654321:workteam/private-crowd/others"
    VENDOR = "arn:aws:sagemaker:eu-west-1:394669845002:workteam/vendor-crowd/theirs"

    def configured(self, *teams: str, **accounts: str) -> Edgeline:
        names = dict(zip(("workteam_arn", "verification_workteam_arn"), teams, strict=False))
        return config(labeling={"backend": "ground_truth", "ground_truth": names}, accounts=accounts)

    def check(self, configured: Edgeline, region: str | None) -> list[Finding]:
        return list(ground_truth.check(configured, region, configuration.EXAMPLES))

    def test_who_asks_for_it_may_have_it_and_is_told_what_cannot_be_known(self) -> None:
        configured = self.configured(self.TEAM, self.OTHERS, tools="210987654321", region="eu-west-1")
        jobs = stack(Jobs=policy("sagemaker:CreateLabelingJob", resource="arn:x"))
        wanted = ground_truth.wanted(configured)
        assert said(templates.check([jobs], "eu-west-1", wanted=wanted), "error") == ""
        found = self.check(configured, "eu-west-1")
        assert [finding.severity for finding in found] == ["cost"]
        assert "the table has no price" in said(found, "cost")
        unasked = asked("no credentials", configured, ground_truth.checks(configured))
        assert "which takes no new customers" in said(unasked, "unchecked")
        assert "describe-workteam --workteam-name others" in said(unasked, "unchecked")

    def test_of_the_workbench_nothing_is_said_or_asked(self) -> None:
        assert self.check(config(), "eu-north-1") == []
        assert ground_truth.checks(config()) == []
        assert ground_truth.wanted(config()) == ()

    def test_a_region_without_its_functions_is_an_error(self) -> None:
        found = said(self.check(self.configured(self.TEAM), "eu-north-1"), "error")
        assert "no functions of its tasks in eu-north-1" in found
        assert "the workteam is in eu-west-1, the jobs are in eu-north-1" in found

    def test_a_region_that_is_not_known_is_no_error(self) -> None:
        assert said(self.check(self.configured(self.TEAM), None), "error") == ""

    def test_a_private_workteam_of_another_account_or_an_example_is_an_error(self) -> None:
        accounts = {"tools": "109876543210", "region": "eu-west-1"}
        found = said(self.check(self.configured(self.TEAM, **accounts), "eu-west-1"), "error")
        assert "the workteam is of 210987654321, the jobs are of 109876543210" in found
        example = self.TEAM.replace("210987654321", "111122223333")
        assert "AWS's examples" in said(self.check(self.configured(example), "eu-west-1"), "error")

    def test_a_vendors_workteam_is_of_another_account_and_fine(self) -> None:
        accounts = {"tools": "109876543210", "region": "eu-west-1"}
        found = self.check(self.configured(self.VENDOR, **accounts), "eu-west-1")
        assert said(found, "error") == ""

    def test_one_team_for_both_is_worth_knowing(self) -> None:
        found = said(self.check(self.configured(self.TEAM), "eu-west-1"), "advice")
        assert "one workteam draws and verifies" in found

    def test_an_account_that_has_it_and_its_teams_says_nothing(self) -> None:
        configured = self.configured(self.TEAM, self.VENDOR)
        there = Answers(
            list_labeling_jobs={"LabelingJobSummaryList": [{}]},
            describe_workteam={"Workteam": {}},
            describe_subscribed_workteam={"SubscribedWorkteam": {}},
        )
        assert asked(there, configured, ground_truth.checks(configured)) == []

    def test_an_account_without_a_job_is_not_refused_and_a_team_that_is_gone_is(self) -> None:
        configured = self.configured(self.TEAM, self.VENDOR)
        found = asked(Answers(), configured, ground_truth.checks(configured))
        assert "no labeling job was ever made in it here" in said(found, "unchecked")
        assert said(found, "error").count("there is no workteam") == 2


class TestExecutionPolicy:
    def test_a_service_that_the_policy_lacks(self) -> None:
        planted = stack(Cluster=("AWS::EKS::Cluster", {}))
        assert "does not let CloudFormation use eks" in said(
            execution_policy.check(config(), [planted]), "error"
        )

    def test_a_project_of_another_name(self) -> None:
        other = Edgeline.from_values({"name": "plants", "models": {"tags": MODEL}})
        assert "the project is plants" in said(execution_policy.check(other, []), "error")

    def test_things_that_the_policy_does_not_know(self) -> None:
        fleet = {"staging_group": "somewhere"}
        assert "not somewhere" in said(execution_policy.check(config(fleet=fleet), []), "error")


class TestEstimate:
    def test_a_month_adds_up_keys_and_endpoints_that_are_always_on(self) -> None:
        always_on = Edgeline.from_values(
            {"name": "edgeline", "models": {"tags": {**MODEL, "prod": REALTIME}}}
        )
        estimated = estimate.estimate(always_on, [stack(Key=("AWS::KMS::Key", {}))], "us-east-1")
        costs = {cost.what: cost.usd for cost in estimated.month}
        assert costs["1 KMS keys"] == 1
        assert costs["prod endpoint of tags, 2 ml.m5.large, always on"] == pytest.approx(2 * 730 * 0.115)
        assert "idling alone" in said(estimate.budget(config(budget={"monthly_usd": 10}), estimated), "cost")

    @pytest.mark.parametrize(
        ("prod", "line", "usd", "metrics"),
        [
            ({"kind": "serverless"}, "serverless", 0, 6),
            ({**REALTIME, "max_instances": 2}, "2 ml.m5.large, always on", 2 * 730 * 0.115, 6),
            (REALTIME, "2 ml.m5.large, always on", 2 * 730 * 0.115, 8),
            ({"kind": "components", "max_copies": 1}, "1 ml.m5.large, always on", 730 * 0.115, 6),
            ({"kind": "components", "min_copies": 0}, "components", 0, 9),
        ],
    )
    def test_each_kind_of_endpoint_costs_what_runs_while_nobody_calls(
        self, prod: dict[str, Any], line: str, usd: float, metrics: int
    ) -> None:
        of_kind = config(models={"tags": {**MODEL, "prod": prod}})
        costs = {cost.what: cost.usd for cost in estimate.estimate(of_kind, [], "us-east-1").month}
        assert costs[f"prod endpoint of tags, {line}"] == pytest.approx(usd)
        alarms = f"prod endpoint of tags, {metrics} metrics of its alarms"
        assert costs[alarms] == pytest.approx(metrics * 0.1)

    def test_an_instance_that_the_table_does_not_know_has_no_price(self) -> None:
        rare = Edgeline.from_values(
            {"name": "edgeline", "models": {"tags": {**MODEL, "train_instance": "ml.q9.huge"}}}
        )
        costs = {cost.what: cost.usd for cost in estimate.estimate(rare, [], "us-east-1").training}
        assert [usd for what, usd in costs.items() if "ml.q9.huge" in what] == [None]

    def test_another_region_than_those_of_the_table_is_said(self) -> None:
        assert "instead of me-south-1" in estimate.estimate(config(), [], "me-south-1").source
        assert "instead" not in estimate.estimate(config(), [], "eu-west-1").source

    def test_a_resource_without_a_price_is_named(self) -> None:
        planted = stack(Cluster=("AWS::EKS::Cluster", {}), Topic=("AWS::SNS::Topic", {}))
        assert [finding.what for finding in estimate.unpriced([planted])] == [
            "AWS::EKS::Cluster has no price in the table"
        ]


class Answers(Account):
    """An account that answers from a dictionary, by operation; an exception is raised."""

    def __init__(self, **answers: Any) -> None:
        super().__init__("210987654321", "eu-west-1", None)
        object.__setattr__(self, "answers", answers)

    def ask(self, service: str, operation: str, **arguments: Any) -> dict[str, Any] | None:
        answer = self.answers.get(operation)  # type: ignore[attr-defined]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def listed(self, service: str, operation: str, member: str, **arguments: Any) -> list[dict[str, Any]]:
        return (self.ask(service, operation) or {}).get(member, [])


def asked(account: Account | str, configured: Edgeline, checks: Any = None) -> list[Finding]:
    return list(run(account, configured, checks or readiness.checks(configured)))


class TestReadiness:
    def test_an_account_that_is_not_bootstrapped(self) -> None:
        found = asked(Answers(), config())
        assert "the account is not bootstrapped" in said(found, "error")
        assert "execution-policy.json; cdk bootstrap aws://210987654321/eu-west-1" in said(found, "error")

    def test_an_account_that_does_not_trust_the_tools(self) -> None:
        accounts = {"tools": "109876543210", "staging": "210987654321", "region": "eu-west-1"}
        stacks = {"Stacks": [{"Parameters": [{"ParameterKey": "TrustedAccounts", "ParameterValue": ""}]}]}
        account = Answers(get_parameter={"Parameter": {"Value": "30"}}, describe_stacks=stacks)
        found = said(asked(account, config(accounts=accounts)), "error")
        assert "does not trust the tools account 109876543210" in found
        assert "--trust 109876543210" in found

    def test_a_connection_that_nobody_has_authorised(self) -> None:
        delivery = {"source": "connection", "repository": "me/line", "connection_arn": CONNECTION}
        account = Answers(get_connection={"Connection": {"ConnectionStatus": "PENDING"}})
        assert "PENDING, not AVAILABLE" in said(asked(account, config(delivery=delivery)), "error")

    def test_lake_formation_before_the_labels(self) -> None:
        account = Answers(get_data_lake_settings={"DataLakeSettings": {"CreateTableDefaultPermissions": []}})
        assert "Lake Formation governs" in said(asked(account, config()), "error")

    def test_a_tag_that_is_not_activated_and_logs_without_an_end_cost(self) -> None:
        account = Answers(
            describe_log_groups={"logGroups": [{"logGroupName": "/aws/sagemaker/TrainingJobs"}]}
        )
        found = said(asked(account, config()), "cost")
        assert "is not active" in found
        assert "put-retention-policy --log-group-name /aws/sagemaker/TrainingJobs" in found

    def test_what_is_not_answered_is_not_checked(self) -> None:
        refused = NotCheckedError("lakeformation is not served")
        found = asked(Answers(get_data_lake_settings=refused), config())
        assert "lakeformation is not served" in said(found, "unchecked")
        assert "Lake Formation governs" not in said(found, "error")

    def test_without_credentials_every_check_is_named_as_not_made(self) -> None:
        configured = config()
        found = asked("Unable to locate credentials", configured)
        assert len(found) == 1 + len(readiness.checks(configured))
        assert {finding.severity for finding in found} == {"unchecked"}

    def test_credentials_of_an_account_that_is_not_named(self) -> None:
        accounts = {"tools": "109876543210", "region": "eu-west-1"}
        found = list(readiness.other_accounts(Answers(), config(accounts=accounts)))
        assert "your credentials are of 210987654321" in said(found, "error")


class TestQuotas:
    def quota(self, value: float) -> list[Finding]:
        listed = {"Quotas": [
            {"QuotaName": "ml.m5.2xlarge for training job usage", "QuotaCode": "L-1", "Value": value}
        ]}  # fmt: skip
        return asked(Answers(list_service_quotas=listed), config(), quotas.checks(config()))

    def test_a_new_account_without_training_instances(self) -> None:
        found = said(self.quota(0), "error")
        assert "'ml.m5.2xlarge for training job usage' is 0, 1 needed" in found
        assert "request-service-quota-increase --service-code sagemaker --quota-code L-1" in found

    def test_enough_is_nothing_to_say(self) -> None:
        assert "training job usage" not in as_text(self.quota(1))

    def test_serverless_concurrency_is_added_up(self) -> None:
        needs = {quota.name: quota.needs for quota in quotas.needed(config())}
        assert needs["Maximum total concurrency across all serverless endpoints"] == 10

    @pytest.mark.parametrize(
        ("prod", "most"),
        [
            (REALTIME, 4),
            ({**REALTIME, "max_instances": 9}, 9),
            ({"kind": "components", "max_instances": 3}, 3),
        ],
    )
    def test_instances_are_needed_beside_those_that_serve_or_scaled_out(
        self, prod: dict[str, Any], most: int
    ) -> None:
        found = quotas.needed(config(models={"tags": {**MODEL, "prod": prod}}))
        assert {q.name: q.needs for q in found}["ml.m5.large for endpoint usage"] == most

    def test_a_quota_that_is_not_listed_is_not_fine(self) -> None:
        found = asked(Answers(), config(), quotas.checks(config()))
        assert {finding.severity for finding in found} == {"unchecked"}


class TestAssembly:
    def test_an_assembly_is_read_with_the_stages_in_it(self, tmp_path: Path) -> None:
        stage = tmp_path / "assembly-Tools"
        stage.mkdir()
        (stage / "t.json").write_text('{"Resources": {}}')
        inner = {"type": "aws:cloudformation:stack", "displayName": "Tools/Data (edgeline-data)"}
        inner |= {"properties": {"templateFile": "t.json", "stackName": "edgeline-data"}}
        (stage / "manifest.json").write_text(json.dumps({"artifacts": {"Data": inner}}))
        outer = {"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-Tools"}}
        (tmp_path / "manifest.json").write_text(json.dumps({"artifacts": {"T": outer}}))
        assert [(stack.path, stack.name) for stack in read(tmp_path)] == [("Tools/Data", "edgeline-data")]

    def test_an_assembly_that_is_older_than_the_configuration_is_not_current(self, tmp_path: Path) -> None:
        manifest, configuration_file = tmp_path / "manifest.json", tmp_path / "edgeline.toml"
        assert not is_current(tmp_path, tmp_path, configuration_file)
        manifest.write_text("{}")
        configuration_file.write_text("")
        os.utime(manifest, (1, 1))
        assert not is_current(tmp_path, tmp_path, configuration_file)
        os.utime(configuration_file, (1, 1))
        assert is_current(tmp_path, tmp_path, configuration_file)


def test_findings_are_grouped_by_severity_the_worst_first() -> None:
    mild, bad = Finding("advice", "b", "there", "that"), Finding("error", "a", "here", "this")
    assert as_text([mild, bad]).splitlines()[:2] == ["error: would fail (1)", "  a [here] -> this"]


def test_a_check_that_finds_nothing_says_nothing() -> None:
    assert asked(Answers(), config(), [Check("it", "here", "do", lambda account, configured: iter(()))]) == []
