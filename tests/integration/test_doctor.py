"""The doctor's questions put to the local cloud: what it does not serve is not checked, and never fine."""

import pytest

from config import Edgeline
from local.cloud.server import LocalCloud
from local.doctor import quotas, readiness
from local.doctor.account import Account, run, sign_in
from local.doctor.finding import Finding

CONFIG = {"name": "doctor-test", "models": {"tags": {"task": "detection", "classes": ["scratch"]}}}


@pytest.fixture
def config() -> Edgeline:
    return Edgeline.from_values(CONFIG)


def asked(cloud: LocalCloud, config: Edgeline) -> list[Finding]:
    account = sign_in(cloud.region)
    assert isinstance(account, Account), account
    assert account.number == cloud.account
    return list(run(account, config, [*readiness.checks(config), *quotas.checks(config)]))


def said(findings: list[Finding], severity: str) -> str:
    return "\n".join(finding.line() for finding in findings if finding.severity == severity)


def test_what_the_cloud_does_not_serve_is_not_checked(cloud: LocalCloud, config: Edgeline) -> None:
    unchecked = said(asked(cloud, config), "unchecked")
    for what in ("Lake Formation", "cost allocation tag", "training job usage", "Concurrent executions"):
        assert what in unchecked
    assert "is not served by the local cloud" in unchecked


def test_a_bootstrap_is_seen(cloud: LocalCloud, config: Edgeline) -> None:
    ssm = cloud.root_session().client("ssm")
    name = "/cdk-bootstrap/hnb659fds/version"
    ssm.put_parameter(Name=name, Value="30", Type="String", Overwrite=True)
    assert "is not bootstrapped" not in said(asked(cloud, config), "error")
    ssm.delete_parameter(Name=name)
    try:
        assert "is not bootstrapped" in said(asked(cloud, config), "error")
    finally:
        ssm.put_parameter(Name=name, Value="30", Type="String", Overwrite=True)


def test_logs_of_sagemaker_that_never_expire_are_found(cloud: LocalCloud, config: Edgeline) -> None:
    logs = cloud.root_session().client("logs")
    logs.create_log_group(logGroupName="/aws/sagemaker/Endpoints/forgotten")
    try:
        assert "--log-group-name /aws/sagemaker/Endpoints/forgotten" in said(asked(cloud, config), "cost")
    finally:
        logs.delete_log_group(logGroupName="/aws/sagemaker/Endpoints/forgotten")


def test_a_missing_service_role_of_greengrass_is_said(cloud: LocalCloud, config: Edgeline) -> None:
    found = asked(cloud, config)
    assert "Greengrass has no service role" in said(found, "advice") + said(found, "unchecked")
