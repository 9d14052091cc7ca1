"""What goes with its stack and what stays; that nothing is emptied which is to be kept."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cloud_assembly import Assembly, Template, read_assembly

import app

HOLDS_DATA = {
    "AWS::Cognito::UserPool",
    "AWS::DynamoDB::Table",
    "AWS::KMS::Key",
    "AWS::S3::Bucket",
    "AWS::SageMaker::FeatureGroup",
    "AWS::SageMaker::ModelPackageGroup",
}


@pytest.fixture(scope="module")
def unkept(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    folder = tmp_path_factory.mktemp("unkept")
    config = folder / "edgeline.toml"
    text = (Path(app.ROOT) / "tests" / "fixtures" / "edgeline.toml").read_text()
    config.write_text(text.replace("keep = true", "keep = false"))
    app.build(outdir=str(folder / "out"), config=config).synth()
    return read_assembly(folder / "out")


def teardowns(template: Template) -> Iterator[dict[str, Any]]:
    for resource in template["Resources"].values():
        if resource["Type"].startswith("Custom::") and resource["Type"].endswith("OnDelete"):
            yield resource["Properties"]


def test_nothing_is_retained_where_nothing_is_to_be_kept(unkept: Assembly) -> None:
    retained = {
        f"{stack}/{logical_id}"
        for stack, logical_id, resource in unkept.resources()
        if resource.get("DeletionPolicy", "Delete") != "Delete"
    }
    assert retained == set()
    tables = [resource["Properties"] for _, _, resource in unkept.resources("AWS::DynamoDB::Table")]
    assert not any(table.get("DeletionProtectionEnabled") for table in tables)
    pools = [resource["Properties"] for _, _, resource in unkept.resources("AWS::Cognito::UserPool")]
    assert [pool["DeletionProtection"] for pool in pools] == ["INACTIVE"]


def test_every_bucket_that_goes_is_emptied_first(assembly: Assembly, unkept: Assembly) -> None:
    for synthesized in (assembly, unkept):
        going = {
            (stack, logical_id)
            for stack, logical_id, resource in synthesized.resources("AWS::S3::Bucket")
            if resource.get("DeletionPolicy", "Retain") == "Delete"
        }
        emptied = {
            (stack, properties["Bucket"]["Ref"])
            for stack, template in synthesized.templates.items()
            for properties in teardowns(template)
            if properties["Kind"] == "Objects"
        }
        assert going == emptied
    assert len(going) >= 4


def test_what_is_kept_is_neither_emptied_nor_deleted(assembly: Assembly) -> None:
    data = assembly.templates["Data"]
    kept = {
        k for k, r in data["Resources"].items() if r["Type"] in HOLDS_DATA and r["DeletionPolicy"] == "Retain"
    }
    assert {"Images2D38C313", "Artifacts82DD59A1", "AccessLogs8B620ECA", "Key961B73FD"} <= kept
    policies = [r["Properties"] for r in data["Resources"].values() if r["Type"] == "AWS::IAM::Policy"]
    deleting = [json.dumps(p) for p in policies if "s3:DeleteObject" in json.dumps(p)]
    assert not any(name in policy for policy in deleting for name in kept)
    assert "LeftByDestroy" in data["Outputs"]


@pytest.mark.parametrize(
    ("stack", "kind"),
    [
        ("Staging/Serving", "Endpoints"),
        ("Prod/Serving", "Endpoints"),
        ("Training", "Pipelines"),
        ("Edge", "Fleet"),
    ],
)
def test_what_is_made_at_run_time_goes_whatever_is_kept(assembly: Assembly, stack: str, kind: str) -> None:
    assert kind in {properties["Kind"] for properties in teardowns(assembly.templates[stack])}


def test_an_environment_removes_its_own_endpoints_and_no_others(assembly: Assembly) -> None:
    (staging,) = [p for p in teardowns(assembly.templates["Staging/Serving"]) if p["Kind"] == "Endpoints"]
    assert staging["Endpoints"] == ["edgeline-tags-staging"]
    assert staging["Prefixes"] == ["edgeline-tags-staging"]


def test_cloudformation_waits_for_an_answer_no_longer_than_it_can_come(assembly: Assembly) -> None:
    for template in assembly.templates.values():
        for properties in teardowns(template):
            assert int(properties["ServiceTimeout"]) == 20 * 60
        for resource in template["Resources"].values():
            if (
                resource["Type"] == "AWS::Lambda::Function"
                and "teardown" in resource["Properties"]["Handler"]
            ):
                assert resource["Properties"]["Timeout"] < 20 * 60


def test_only_the_teardown_deletes_evidence(unkept: Assembly) -> None:
    template = unkept.templates["Data"]
    excepted = [
        statement["Condition"]["ArnNotEquals"]["aws:PrincipalArn"]["Fn::GetAtt"][0]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::S3::BucketPolicy"
        for statement in resource["Properties"]["PolicyDocument"]["Statement"]
        if statement.get("Sid") == "NeverDeleted"
    ]
    (role,) = excepted
    functions = [
        r["Properties"] for r in template["Resources"].values() if r["Type"] == "AWS::Lambda::Function"
    ]
    (remover,) = [f for f in functions if f["Handler"] == "lambdas.teardown.remove_leftovers.handler"]
    assert remover["Role"] == {"Fn::GetAtt": [role, "Arn"]}
