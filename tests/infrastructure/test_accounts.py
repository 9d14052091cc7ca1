"""One, two and three accounts: every policy names exactly the accounts and roles that it should."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from across_accounts import (
    PROD,
    SETTINGS,
    STAGING,
    TOOLS,
    Across,
    configuration,
    listed,
    make_app,
    of_kind,
    role,
    root,
    statements,
    synthesize,
    trusts,
)

from config import Edgeline
from lambdas.promotion.endpoints import config_name, model_name
from lambdas.promotion.settings import EndpointSettings
from stacks.accounts import WorkloadAccount
from stacks.data_stack import DataStack
from stacks.names import ENVIRONMENTS

DEPLOYERS = ["read-endpoint", "deploy-endpoint", "check-endpoint", "restore-endpoint"]


def one_or_more(values: list[str]) -> str | list[str]:
    return values if len(values) > 1 else values[0]


def test_every_stage_is_in_its_account(across: Across) -> None:
    for name in across.accounts:
        manifest = json.loads(
            (across.directory / f"assembly-{name.capitalize()}" / "manifest.json").read_text()
        )
        found = {a["environment"] for a in manifest["artifacts"].values() if "environment" in a}
        assert found == {f"aws://{across.accounts[name]}/eu-west-1"}


def test_every_template_names_its_own_account_and_those_that_it_works_with(across: Across) -> None:
    everyone, tools = across.everyone, {across.accounts["tools"]}
    work_with = {
        "Delivery": everyone,
        "Tools/Data": everyone,
        "Tools/Labeling": tools | {across.accounts["prod"]},
        "Tools/Promotion": everyone,
        "Staging/Serving": tools | {across.accounts["staging"]},
        "Prod/Serving": tools | {across.accounts["prod"]},
    }
    for stack, template in across.templates.items():
        named = set(re.findall(r"(?<!\w)\d{12}(?!\w)", json.dumps(template["Resources"])))
        assert named == work_with.get(stack, tools), stack


def test_a_promoter_trusts_exactly_the_functions_that_act_there(across: Across) -> None:
    acting = {"staging": DEPLOYERS, "prod": [*DEPLOYERS, "smoke-endpoint", "record-release"]}
    for environment, functions in acting.items():
        trusted = trusts(across.serving(environment))
        names = {"promoter", "model", "auditor", "tester" if environment == "staging" else "suggester"}
        assert trusted.keys() == {f"edgeline-{environment}-{name}" for name in names}
        assert trusted[f"edgeline-{environment}-promoter"] == [
            {
                "Action": "sts:AssumeRole",
                "Effect": "Allow",
                "Principal": {"AWS": root(across.accounts["tools"])},
                "Condition": {
                    "ArnEquals": {
                        "aws:PrincipalArn": [role(TOOLS, f"promotion-{name}") for name in functions]
                    }
                },
            }
        ]
        (model,) = trusted[f"edgeline-{environment}-model"]
        assert model["Principal"] == {"Service": "sagemaker.amazonaws.com"}


def test_prods_suggester_trusts_the_labelings_function_alone(across: Across) -> None:
    (statement,) = trusts(across.serving("prod"))["edgeline-prod-suggester"]
    assert statement["Principal"] == {"AWS": root(across.accounts["tools"])}
    assert statement["Condition"] == {
        "ArnEquals": {"aws:PrincipalArn": [role(TOOLS, "labeling-suggest-boxes")]}
    }
    roles = of_kind(across.templates["Tools/Labeling"], "AWS::IAM::Role").values()
    assert "edgeline-labeling-suggest-boxes" in [one.get("RoleName") for one in roles]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_auditor_is_whom_the_tools_account_lets_and_only_looks(across: Across, environment: str) -> None:
    template = across.serving(environment)
    (statement,) = trusts(template)[f"edgeline-{environment}-auditor"]
    assert statement["Principal"] == {"AWS": root(across.accounts["tools"])}
    policies = of_kind(template, "AWS::IAM::Policy").values()
    (policy,) = [p for p in policies if p["PolicyName"].startswith("AuditorDefaultPolicy")]
    actions = {a for s in policy["PolicyDocument"]["Statement"] for a in listed(s["Action"])}
    assert all(action.startswith("sagemaker:Describe") for action in actions)


def test_the_tester_trusts_exactly_the_staging_test(across: Across) -> None:
    (statement,) = trusts(across.templates["Staging/Serving"])["edgeline-staging-tester"]
    assert statement["Principal"] == {"AWS": root(TOOLS)}
    assert statement["Condition"] == {"ArnEquals": {"aws:PrincipalArn": [role(TOOLS, "staging-test")]}}


def test_the_roles_that_are_trusted_are_those_of_the_promotion(across: Across) -> None:
    """A name that no role bears would trust whoever makes a role of that name first."""
    named = trusts(across.templates["Tools/Promotion"])
    assert named.keys() == {
        "edgeline-staging-test",
        *(f"edgeline-promotion-{name}" for name in [*DEPLOYERS, "smoke-endpoint", "record-release"]),
    }
    services = {statement["Principal"]["Service"] for (statement,) in named.values()}
    assert services == {"lambda.amazonaws.com", "sagemaker.amazonaws.com"}


def test_the_promotion_knows_each_environments_roles_by_their_account(across: Across) -> None:
    known = {
        json.dumps(json.loads(properties["Environment"]["Variables"]["WORKLOADS"]))
        for properties in of_kind(across.templates["Tools/Promotion"], "AWS::Lambda::Function").values()
        if "WORKLOADS" in properties["Environment"]["Variables"]
    }
    (document,) = known
    assert json.loads(document) == {
        environment: {
            "promoter_role_arn": role(across.accounts[environment], f"{environment}-promoter"),
            "model_role_arn": role(across.accounts[environment], f"{environment}-model"),
            "region": "eu-west-1",
            "tags": {"project": "edgeline", "environment": environment, "part": "serving"},
            "alarm_topic": None,
        }
        for environment in ENVIRONMENTS
    }
    becoming = {
        arn
        for statement in statements(across.templates["Tools/Promotion"])
        if "sts:AssumeRole" in listed(statement["Action"])
        for arn in listed(statement["Resource"])
    }
    assert becoming == {
        role(across.accounts["staging"], "staging-promoter"),
        role(across.accounts["staging"], "staging-tester"),
        role(across.accounts["prod"], "prod-promoter"),
        role(across.accounts["staging"], "staging-auditor"),
        role(across.accounts["prod"], "prod-auditor"),
    }


def test_other_accounts_roles_and_no_others_read_models_in_the_bucket(across: Across) -> None:
    data = across.templates["Tools/Data"]
    (bucket,) = [
        properties
        for properties in of_kind(data, "AWS::S3::BucketPolicy").values()
        if properties["Bucket"] == {"Ref": "Artifacts82DD59A1"}
    ]
    allowed = [s for s in bucket["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]
    assert allowed == shared(
        across.accounts,
        "model",
        Action="s3:GetObject",
        Resource={"Fn::Join": ["", [{"Fn::GetAtt": ["Artifacts82DD59A1", "Arn"]}, "/runs/*/model.tar.gz"]]},
    )


def test_other_accounts_roles_and_no_others_decrypt_with_the_key(across: Across) -> None:
    (key,) = of_kind(across.templates["Tools/Data"], "AWS::KMS::Key").values()
    own, *others = [s for s in key["KeyPolicy"]["Statement"] if "AWS" in s["Principal"]]
    assert (own["Action"], own["Principal"]) == ("kms:*", {"AWS": root(TOOLS)})
    assert others == shared(across.accounts, "model", Action="kms:Decrypt", Resource="*")


def test_other_accounts_promoters_and_no_others_use_the_registrys_packages(across: Across) -> None:
    (group,) = of_kind(across.templates["Tools/Data"], "AWS::SageMaker::ModelPackageGroup").values()
    found = group.get("ModelPackageGroupPolicy", {"Statement": []})["Statement"]
    assert found == shared(
        across.accounts,
        "promoter",
        Action=["sagemaker:CreateModel", "sagemaker:DescribeModelPackage"],
        Resource=f"arn:aws:sagemaker:eu-west-1:{TOOLS}:model-package/edgeline-tags/*",
    )


def shared(accounts: dict[str, str], kind: str, **statement: Any) -> list[dict[str, Any]]:
    """The statement for these roles of environments outside the tools account; none where there are none."""
    others = {e: accounts[e] for e in ENVIRONMENTS if accounts[e] != accounts["tools"]}
    if not others:
        return []
    roots = [root(account) for account in dict.fromkeys(others.values())]
    roles = [role(account, f"{environment}-{kind}") for environment, account in others.items()]
    return [
        {
            "Sid": "ModelsOfOtherAccounts",
            "Effect": "Allow",
            "Principal": {"AWS": one_or_more(roots)},
            "Condition": {"ArnEquals": {"aws:PrincipalArn": roles}},
            **statement,
        }
    ]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_what_acts_in_an_environment_touches_its_own_endpoints_only(across: Across, environment: str) -> None:
    """Also in one account: no role of staging can change or ask prod."""
    template, account = across.serving(environment), across.accounts[environment]
    here = f"arn:aws:sagemaker:eu-west-1:{account}:"
    touched = {
        resource
        for statement in statements(template)
        for resource in listed(statement["Resource"])
        if any(action.startswith("sagemaker:") for action in listed(statement["Action"]))
        and resource != "*"  # the listed actions of stacks/wildcards.py, which change nothing
    }
    assert touched == {
        f"{here}endpoint/edgeline-tags-{environment}",
        f"{here}endpoint-config/edgeline-tags-{environment}*",
        f"{here}model/edgeline-tags-{environment}*",
        f"arn:aws:sagemaker:eu-west-1:{TOOLS}:model-package/edgeline-tags/*",
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_promoter_passes_the_environments_model_role_to_sagemaker_only(
    across: Across, environment: str
) -> None:
    template = across.serving(environment)
    (passing,) = [s for s in statements(template) if "iam:PassRole" in listed(s["Action"])]
    passed = template["Resources"][passing["Resource"]["Fn::GetAtt"][0]]
    assert passed["Properties"]["RoleName"] == f"edgeline-{environment}-model"
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_containers_read_models_of_the_tools_account_and_nothing_else(
    across: Across, environment: str
) -> None:
    own = statements(across.serving(environment))
    (reading,) = [s for s in own if "s3:GetObject" in listed(s["Action"])]
    bucket = f"arn:aws:s3:::edgeline-artifacts-{TOOLS}-eu-west-1"
    assert reading["Resource"] == f"{bucket}/runs/*/model.tar.gz"
    assert reading["Condition"] == {"StringEquals": {"aws:ResourceAccount": TOOLS}}
    (decrypting,) = [s for s in own if "kms:Decrypt" in listed(s["Action"])]
    assert decrypting["Resource"] == f"arn:aws:kms:eu-west-1:{TOOLS}:key/*"
    of = decrypting["Condition"]["StringLike"]["kms:EncryptionContext:aws:s3:arn"]
    assert of == [bucket, f"{bucket}/runs/*/model.tar.gz"]
    (artifacts,) = [
        properties
        for properties in of_kind(across.templates["Tools/Data"], "AWS::S3::Bucket").values()
        if "BucketName" in properties
    ]
    assert f"arn:aws:s3:::{artifacts['BucketName']}" == bucket


def test_prod_is_asked_by_promoter_labeling_and_whom_the_caller_policy_is_given(across: Across) -> None:
    asking = {
        stack: [s["Resource"] for s in statements(template) if "sagemaker:InvokeEndpoint" in s["Action"]]
        for stack, template in across.templates.items()
    }
    assert {stack: len(found) for stack, found in asking.items() if found} == {
        "Staging/Serving": 1,  # the tester
        "Prod/Serving": 3,
    }
    assert "CallerPolicyArn" in across.templates["Prod/Serving"]["Outputs"]


def test_cdk_nag_finds_nothing(across: Across) -> None:
    report = json.loads((across.directory / "validation-report.json").read_text())
    (nag,) = [plugin for plugin in report["pluginReports"] if plugin["pluginName"] == "AwsSolutions"]
    assert nag["violations"] == []


def test_without_accounts_nothing_is_shared_and_the_same_roles_are_gone_through(tmp_path: Path) -> None:
    templates = synthesize(tmp_path, {})
    (group,) = of_kind(templates["Tools/Data"], "AWS::SageMaker::ModelPackageGroup").values()
    assert "ModelPackageGroupPolicy" not in group
    assert "ModelsOfOtherAccounts" not in json.dumps(templates)
    (statement,) = trusts(templates["Prod/Serving"])["edgeline-prod-promoter"]
    assert "aws:PrincipalArn" in statement["Condition"]["ArnEquals"]
    assert not re.search(
        r"(?<!\w)\d{12}(?!\w)", json.dumps({k: t["Resources"] for k, t in templates.items()})
    )


def test_without_promotions_nothing_is_shared(tmp_path: Path) -> None:
    """The roles are not made then, and whoever makes one of that name is not to be trusted."""
    config = configuration(SETTINGS["three"], parts=["labeling", "training"])
    app = make_app(tmp_path)
    DataStack(app, "Data", config=config)
    app.synth()
    text = (tmp_path / "Data.template.json").read_text()
    assert STAGING not in text
    assert PROD not in text


def test_names_of_the_longest_configuration_stay_within_what_the_policies_name() -> None:
    """Endpoint configs and models are cut at 63 characters, versions of five digits included."""
    model = {"task": "detection", "classes": ["a"]}
    config = Edgeline.from_values({"name": "a" * 20, "models": {"b" * 24: model}})
    for environment in ENVIRONMENTS:
        there = WorkloadAccount(config, environment)
        name = there.endpoint_name(config.models[0])
        pattern = there.models()[0].rpartition("/")[2].removesuffix("*")
        assert model_name(EndpointSettings(name, {}), "v99999-01234567").startswith(pattern)
        for kind in ("serverless", "realtime", "components"):
            made = config_name(EndpointSettings(name, {}, kind=kind), "v99999-01234567")
            assert made.startswith(pattern), kind
            assert len(made) <= 63
    prefixes = {WorkloadAccount(config, e).models()[0].rpartition("/")[2] for e in ENVIRONMENTS}
    assert len(prefixes) == 2
