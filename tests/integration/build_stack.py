"""A template with build projects as CDK makes them, and sources to build."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

from sample_stack import allow, get, role

STACK = "builds"
BUILDSPEC = {
    "version": "0.2",
    "env": {"variables": {"FROM_BUILDSPEC": "yes"}, "exported-variables": ["ANSWER"]},
    "phases": {
        "install": {"runtime-versions": {"python": "3.12"}, "commands": ["cd sub"]},
        "build": {
            "commands": [
                "python make.py",
                "export ANSWER=$(cat ../made/answer.txt)",
                "echo parameter $PARAMETER secret $SECRET plain $PLAIN",
                "python -m make_report",
            ]
        },
    },
    "artifacts": {"base-directory": "made", "files": "**/*"},
    "reports": {"tests": {"files": ["tests.xml"], "base-directory": "sub"}},
}
MAKE = """
import os, pathlib, boto3
made = pathlib.Path(os.environ["CODEBUILD_SRC_DIR"]) / "made"
made.mkdir()
who = boto3.client("sts").get_caller_identity()["Arn"]
(made / "answer.txt").write_text("42 'quoted'\\n\\"second line\\"")
(made / "who.txt").write_text(who)
"""
_LIST = 'import boto3; boto3.client("s3").list_buckets()'
REPORT = """
open("tests.xml", "w").write(
    '<testsuites><testsuite name="all"><testcase classname="a" name="good" time="0.5"/>'
    '<testcase classname="a" name="bad"><failure message="it is">trace</failure></testcase>'
    '</testsuite></testsuites>'
)
"""


def source_zip(files: Mapping[str, str] | None = None) -> bytes:
    content = files or {
        "buildspec.yml": json.dumps(BUILDSPEC), "sub/make.py": MAKE, "sub/make_report.py": REPORT,
    }  # fmt: skip
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in content.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def bucket_objects(actions: list[str]) -> dict[str, Any]:
    return allow(actions, {"Fn::Sub": "${Bucket.Arn}/*"})


def logs(*actions: str) -> dict[str, Any]:
    return allow([f"logs:{action}" for action in actions], get("Logs"))


def project(role_name: str, **more: Any) -> dict[str, Any]:
    variables = [
        {"Name": "PLAIN", "Type": "PLAINTEXT", "Value": "of the project"},
        {"Name": "PARAMETER", "Type": "PARAMETER_STORE", "Value": "/builds/parameter"},
        {"Name": "SECRET", "Type": "SECRETS_MANAGER", "Value": "builds-secret:password"},
    ]
    return {
        "Type": "AWS::CodeBuild::Project",
        "Properties": {
            "Source": {"Type": "S3", "Location": {"Fn::Sub": "${Bucket}/source.zip"}},
            "Artifacts": {
                "Type": "S3", "Location": {"Ref": "Bucket"}, "Name": "made.zip", "Packaging": "ZIP",
                "Path": "out", "NamespaceType": "NONE",
            },
            "Environment": {
                "Type": "LINUX_CONTAINER", "ComputeType": "BUILD_GENERAL1_SMALL",
                "Image": "aws/codebuild/amazonlinux2-x86_64-standard:5.0", "PrivilegedMode": False,
                "ImagePullCredentialsType": "CODEBUILD", "EnvironmentVariables": variables,
            },
            "ServiceRole": get(role_name),
            "EncryptionKey": "alias/aws/s3",
            "Cache": {"Type": "NO_CACHE"},
            "LogsConfig": {"CloudWatchLogs": {"GroupName": {"Ref": "Logs"}, "Status": "ENABLED"}},
            "QueuedTimeoutInMinutes": 120,
            "TimeoutInMinutes": 30,
            **more,
        },
    }  # fmt: skip


def inline(commands: list[str], role_name: str = "Role", **more: Any) -> dict[str, Any]:
    buildspec = {"version": "0.2", "phases": {"build": {"commands": commands}}, **more}
    made = project(
        role_name,
        Source={"Type": "NO_SOURCE", "BuildSpec": json.dumps(buildspec)},
        Artifacts={"Type": "NO_ARTIFACTS"},
    )
    made["Properties"]["Environment"].pop("EnvironmentVariables")
    return made


def template(timeout: int = 30) -> dict[str, Any]:
    reports = {"Fn::Sub": "arn:aws:codebuild:${AWS::Region}:${AWS::AccountId}:report-group/*"}
    report_actions = [f"codebuild:{a}" for a in (
        "CreateReportGroup", "CreateReport", "UpdateReport", "BatchPutTestCases",
    )]  # fmt: skip
    may_log = logs("CreateLogStream", "PutLogEvents")
    may_read = [allow("ssm:GetParameters", "*"), allow("secretsmanager:GetSecretValue", "*")]
    may_start = {"Fn::Sub": "arn:aws:codebuild:${AWS::Region}:${AWS::AccountId}:project/${Project}"}
    starter = allow(["codebuild:StartBuild", "codebuild:BatchGetBuilds", "codebuild:StopBuild"], may_start)
    resources = {
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {}},
        "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "the-builds"}},
        "Role": role(
            "codebuild.amazonaws.com", may_log, bucket_objects(["s3:GetObject", "s3:PutObject"]),
            allow(report_actions, reports), *may_read,
        ),
        "ReadOnlyRole": role(
            "codebuild.amazonaws.com", may_log, bucket_objects(["s3:GetObject"]),
            allow(report_actions, reports), *may_read,
        ),
        "MuteRole": role("codebuild.amazonaws.com"),
        "Parameter": {
            "Type": "AWS::SSM::Parameter",
            "Properties": {"Name": "/builds/parameter", "Type": "String", "Value": "hush-parameter"},
        },
        "Secret": {
            "Type": "AWS::SecretsManager::Secret",
            "Properties": {"Name": "builds-secret", "SecretString": '{"password": "hush-secret"}'},
        },
        "Project": project("Role", TimeoutInMinutes=timeout),
        "CannotWrite": project("ReadOnlyRole"),
        "CannotLog": inline(["true"], "MuteRole"),
        "Sleeper": inline(["echo $$ >/dev/null; sleep 600 & echo child $!; wait"]),
        "Failing": inline([f"aws_says() {{ python -c '{_LIST}'; }}", "aws_says"]),
        "Starter": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {"PolicyDocument": {"Version": "2012-10-17", "Statement": [starter]}},
        },
    }  # fmt: skip
    outputs = ("Bucket", "Project", "CannotWrite", "CannotLog", "Sleeper", "Failing", "Starter")
    return {"Resources": resources, "Outputs": {name: {"Value": {"Ref": name}} for name in outputs}}
