"""Studio, where it is wanted: a domain without a way out of its own, and a role that starts trainings."""

import json
from pathlib import Path
from typing import Any

import pytest
from cloud_assembly import Template
from test_policies import STUDIO_LISTS

import app
import checks.assembly
from checks import cfn_lint
from config import ConfigError, Edgeline
from local.doctor.assembly import Stack
from local.doctor.execution_policy import STUDIO_POLICY, allowed_services, services_of

NETWORK = '\n[studio]\nvpc_id = "vpc-0a1b2c3d"\nsubnet_ids = ["subnet-01", "subnet-02"]\n'
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole app with Studio, as `cdk synth` writes it, looked at by cdk-nag."""
    folder = tmp_path_factory.mktemp("studio")
    configuration = folder / "edgeline.toml"
    given = (ROOT / "tests" / "fixtures" / "edgeline.toml").read_text(encoding="utf-8")
    configuration.write_text(given + NETWORK, encoding="utf-8")
    app.build(outdir=str(folder / "cdk.out"), config=configuration).synth()
    return folder / "cdk.out"


@pytest.fixture(scope="module")
def studio(assembly: Path) -> Template:
    [path] = assembly.glob("**/*Studio*.template.json")
    found: Template = json.loads(path.read_text())
    return found


def one(template: Template, kind: str) -> dict[str, Any]:
    [found] = [one["Properties"] for one in template["Resources"].values() if one["Type"] == kind]
    return found


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(template: Template) -> list[dict[str, Any]]:
    policies = [one for one in template["Resources"].values() if one["Type"] == "AWS::IAM::Policy"]
    return [each for one in policies for each in one["Properties"]["PolicyDocument"]["Statement"]]


def test_what_has_no_narrower_resource_is_what_it_lists(studio: Template) -> None:
    everywhere = [one for one in statements(studio) if "*" in listed(one["Resource"])]
    assert {action for one in everywhere for action in listed(one["Action"])} >= STUDIO_LISTS


def test_the_domain_signs_in_by_iam_and_stays_in_its_network(studio: Template) -> None:
    domain = one(studio, "AWS::SageMaker::Domain")
    assert (domain["AuthMode"], domain["AppNetworkAccessType"]) == ("IAM", "VpcOnly")
    assert (domain["VpcId"], domain["SubnetIds"]) == ("vpc-0a1b2c3d", ["subnet-01", "subnet-02"])
    assert domain["KmsKeyId"]
    assert domain["DomainSettings"]["ExecutionRoleIdentityConfig"] == "USER_PROFILE_NAME"


def test_what_nobody_uses_ends(studio: Template) -> None:
    settings = one(studio, "AWS::SageMaker::Domain")["DefaultUserSettings"]
    for kind in ("JupyterLabAppSettings", "CodeEditorAppSettings"):
        assert settings[kind]["AppLifecycleManagement"]["IdleSettings"] == {
            "LifecycleManagement": "ENABLED", "IdleTimeoutInMinutes": 60,
        }  # fmt: skip


def test_the_role_starts_runs_reads_evaluations_and_has_spaces_of_its_own(studio: Template) -> None:
    role = one(studio, "AWS::IAM::Role")
    [policy] = role["ManagedPolicyArns"]
    assert "StarterPolicy" in json.dumps(policy)
    found = statements(studio)
    allowed = {name for each in found for name in listed(each["Action"])}
    assert {name for name in allowed if not name.startswith("sagemaker:")} == {
        "s3:GetObject", "s3:ListBucket", "kms:Decrypt",
    }  # fmt: skip
    forbidden = ("Pipeline", "ModelPackage", "Endpoint", "Job", "Model")
    assert not [name for name in allowed if name.startswith("sagemaker:") and name.endswith(forbidden)]
    [read] = [each for each in found if each["Action"] == "s3:GetObject"]
    assert json.dumps(read["Resource"]).count("/runs/*/evaluation/*") == 1


def test_what_makes_or_ends_something_is_for_its_owner_alone(studio: Template) -> None:
    for each in statements(studio):
        actions = listed(each["Action"])
        if any(name.split(":")[1].startswith(("Create", "Update", "Delete")) for name in actions):
            text = json.dumps(each)
            assert "UserProfileName" in text, actions


def test_a_terminal_is_on_a_small_machine(studio: Template) -> None:
    [create] = [each for each in statements(studio) if "sagemaker:CreateApp" in listed(each["Action"])]
    assert create["Condition"]["ForAllValues:StringLike"] == {
        "sagemaker:InstanceTypes": ["ml.t3.*", "system"]
    }


def test_trust_is_sagemakers_who_says_whose_profile_it_is(studio: Template) -> None:
    trusted = one(studio, "AWS::IAM::Role")["AssumeRolePolicyDocument"]["Statement"]
    assert {name for each in trusted for name in listed(each["Action"])} == {
        "sts:AssumeRole", "sts:SetSourceIdentity",
    }  # fmt: skip
    assert {json.dumps(each["Principal"]) for each in trusted} == {'{"Service": "sagemaker.amazonaws.com"}'}


def test_apps_are_reached_by_one_another_alone(studio: Template) -> None:
    ingress = one(studio, "AWS::EC2::SecurityGroupIngress")
    assert "CidrIp" not in ingress
    assert ingress["GroupId"] == ingress["SourceSecurityGroupId"]


def test_the_template_is_one_that_cloudformation_takes(assembly: Path) -> None:
    found = checks.assembly.read_assembly(assembly)
    [stack] = [stack for stack in found.stacks if stack.path.endswith("Studio")]
    assert not [match for match in cfn_lint._matches(stack) if match.rule.severity == "error"]


def test_cloudformation_may_make_it_by_the_policy_beside_the_other(studio: Template) -> None:
    used = services_of([Stack("Studio", "Studio", studio)])
    policies = [json.loads(path.read_text()) for path in STUDIO_POLICY.parent.glob("*.json")]
    allowed = set().union(*(allowed_services(policy) for policy in policies))
    assert {"ec2", "sagemaker"} <= used <= allowed


def test_without_the_table_there_is_none_and_without_training_it_is_refused() -> None:
    values: dict[str, Any] = {
        "name": "line",
        "parts": ["labeling"],
        "models": {"tags": {"task": "detection", "classes": ["scratch"]}},
    }
    assert Edgeline.from_values(values).studio is None
    values["studio"] = {"vpc_id": "vpc-0a", "subnet_ids": ["subnet-0b"]}
    with pytest.raises(ConfigError, match=r"studio: is where trainings are started, and parts leaves"):
        Edgeline.from_values(values)
