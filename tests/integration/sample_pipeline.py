"""A template with a pipeline through every kind of action that needs no build, and what it deploys."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from sample_stack import allow, get, machine, role

STACK = "sample-pipeline"
PIPELINE = "sample"
DEPLOYED = "sample-deployed"

# Ends its job as its UserParameters say, with the artifact's own credentials for the artifact.
HANDLER = """
import io, json, zipfile, boto3

def handler(event, context):
    job = event["CodePipeline.job"]
    data = job["data"]
    asked = json.loads(data["actionConfiguration"]["configuration"]["UserParameters"])
    client = boto3.client("codepipeline")
    if asked.get("fail"):
        client.put_job_failure_result(
            jobId=job["id"], failureDetails={"type": "JobFailed", "message": asked["fail"]})
    elif asked.get("twice") and "continuationToken" not in data:
        client.put_job_success_result(jobId=job["id"], continuationToken="half way")
    else:
        told = {"continued": data.get("continuationToken", "no"), "version": asked.get("version", "")}
        for artifact in data["inputArtifacts"]:
            keys, where = data["artifactCredentials"], artifact["location"]["s3Location"]
            s3 = boto3.client("s3", aws_access_key_id=keys["accessKeyId"],
                aws_secret_access_key=keys["secretAccessKey"], aws_session_token=keys["sessionToken"])
            body = s3.get_object(Bucket=where["bucketName"], Key=where["objectKey"])["Body"].read()
            told["files"] = " ".join(sorted(zipfile.ZipFile(io.BytesIO(body)).namelist()))
        client.put_job_success_result(jobId=job["id"], outputVariables=told)
"""

EVERYTHING = {"Fn::Sub": "${Artifacts.Arn}/*"}


def source_zip(template: dict[str, Any]) -> bytes:
    """Give the source of a push: the template to deploy, and the input of a state machine."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("deploy/template.json", json.dumps(template))
        archive.writestr("deploy/settings.json", json.dumps({"Parameters": {"Words": "from the settings"}}))
        archive.writestr("input.json", json.dumps({"from": "the artifact"}))
    return content.getvalue()


def deployed(*, broken: bool = False, padding: int = 0, retention: int = 7) -> dict[str, Any]:
    """Give the template that the pipeline deploys; padded, it is too large to be sent as it is."""
    group = {"LogGroupName": f"/{DEPLOYED}", "RetentionInDays": retention}
    resources: dict[str, Any] = {
        "Group": {"Type": "AWS::Logs::LogGroup", "Properties": group},
        "Words": {
            "Type": "AWS::SSM::Parameter",
            "Properties": {"Name": f"/{DEPLOYED}/words", "Type": "String", "Value": {"Ref": "Words"}},
        },
    }
    if broken:
        taken = {"CidrBlock": "no network"}
        resources["Broken"] = {"Type": "AWS::CodePipeline::CustomActionType", "Properties": taken}
    return {
        "Parameters": {"Words": {"Type": "String"}, "Version": {"Type": "String"}},
        "Metadata": {"padding": "x" * padding},
        "Resources": resources,
        "Outputs": {"Group": {"Value": {"Ref": "Group"}}, "Version": {"Value": {"Ref": "Version"}}},
    }


def action(
    name: str, category: str, provider: str, configuration: dict[str, Any], **more: Any
) -> dict[str, Any]:
    kind = {"Category": category, "Owner": "AWS", "Provider": provider, "Version": "1"}
    return {"Name": name, "ActionTypeId": kind, "Configuration": configuration, **more}


def stages() -> list[dict[str, Any]]:
    code = [{"Name": "Code"}]
    stack = {"StackName": DEPLOYED, "ChangeSetName": "release"}
    overrides = json.dumps({"Version": "#{Source.VersionId}"})
    bucket = {"S3Bucket": {"Ref": "Source"}, "S3ObjectKey": "source.zip", "PollForSourceChanges": False}
    version = '{"version": "#{Source.VersionId}"}'
    return [
        {"Name": "Source", "Actions": [
            action("Fetch", "Source", "S3", bucket, OutputArtifacts=code, Namespace="Source"),
        ]},
        {"Name": "Check", "Actions": [
            action("Left", "Invoke", "Lambda",
                   {"FunctionName": {"Ref": "Function"}, "UserParameters": version},
                   InputArtifacts=code, Namespace="Left"),
            action("Right", "Invoke", "StepFunctions",
                   {"StateMachineArn": {"Ref": "Machine"}, "InputType": "FilePath", "Input": "input.json"},
                   InputArtifacts=code, RunOrder=1),
        ]},
        {"Name": "Approve", "Actions": [
            action("Ask", "Approval", "Manual",
                   {"NotificationArn": {"Ref": "Topic"}, "CustomData": "files: #{Left.files}"}),
        ]},
        {"Name": "Deploy", "Actions": [
            action("Prepare", "Deploy", "CloudFormation", {
                **stack, "ActionMode": "CHANGE_SET_REPLACE", "RoleArn": get("StackRole"),
                "TemplatePath": "Code::deploy/template.json", "Capabilities": "CAPABILITY_NAMED_IAM",
                "TemplateConfiguration": "Code::deploy/settings.json", "ParameterOverrides": overrides,
            }, InputArtifacts=code, RoleArn=get("DeployRole"), RunOrder=1),
            action("Execute", "Deploy", "CloudFormation", {**stack, "ActionMode": "CHANGE_SET_EXECUTE"},
                   RoleArn=get("DeployRole"), RunOrder=2, Namespace="Stack"),
        ]},
        {"Name": "After", "Actions": [
            action("Run", "Invoke", "StepFunctions",
                   {"StateMachineArn": {"Ref": "Machine"}, "ExecutionNamePrefix": "after",
                    "Input": '{"group": "#{Stack.Group}"}'}, Namespace="Machine"),
            action("Tell", "Invoke", "Lambda",
                   {"FunctionName": {"Ref": "Function"}, "UserParameters": '{"twice": "yes"}'}, RunOrder=2),
        ]},
    ]  # fmt: skip


def roles() -> dict[str, Any]:
    change_sets = ["CreateChangeSet", "DeleteChangeSet", "DescribeChangeSet", "ExecuteChangeSet"]
    stacks = [*change_sets, "DescribeStacks", "DescribeStackEvents"]
    deploy = role("codepipeline.amazonaws.com", allow("s3:GetObject", EVERYTHING))
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": get("PipelineRole")}}
    deploy["Properties"]["AssumeRolePolicyDocument"]["Statement"] = [trust]
    deploy["Properties"]["Policies"][0]["PolicyDocument"]["Statement"] += [
        allow([f"cloudformation:{name}" for name in stacks], "*"),
        allow("iam:PassRole", get("StackRole")),
    ]
    return {
        "StackRole": role("cloudformation.amazonaws.com", allow("logs:*", "*")),
        "DeployRole": deploy,
        "PipelineRole": role(
            "codepipeline.amazonaws.com",
            allow(["s3:GetObject", "s3:PutObject"], EVERYTHING),
            allow(["s3:GetObject", "s3:GetObjectVersion"], {"Fn::Sub": "${Source.Arn}/*"}),
            allow("s3:GetBucketVersioning", get("Source")),
            allow("lambda:InvokeFunction", get("Function")),
            allow(["states:DescribeStateMachine", "states:StartExecution"], {"Ref": "Machine"}),
            allow("states:DescribeExecution", "*"),
            allow("sns:Publish", {"Ref": "Topic"}),
            allow("sts:AssumeRole", {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:role/*"}),
        ),
        "FunctionRole": role(
            "lambda.amazonaws.com",
            allow(["codepipeline:PutJobSuccessResult", "codepipeline:PutJobFailureResult"], "*"),
        ),
        "MachineRole": role("states.amazonaws.com", allow("lambda:InvokeFunction", get("Function"))),
        "RuleRole": role(
            "events.amazonaws.com",
            allow(
                "codepipeline:StartPipelineExecution",
                {"Fn::Sub": f"arn:aws:codepipeline:${{AWS::Region}}:${{AWS::AccountId}}:{PIPELINE}"},
            ),
        ),
    }


def template() -> dict[str, Any]:
    pipeline = {
        "Name": PIPELINE, "PipelineType": "V2", "RoleArn": get("PipelineRole"), "Stages": stages(),
        "ArtifactStore": {"Type": "S3", "Location": {"Ref": "Artifacts"}}, "RestartExecutionOnUpdate": True,
        "Tags": [{"Key": "project", "Value": "sample"}],
    }  # fmt: skip
    function = {
        "Handler": "index.handler", "Runtime": "python3.11", "Timeout": 20, "Role": get("FunctionRole"),
        "Code": {"ZipFile": HANDLER},
    }  # fmt: skip
    pipeline_arn = {"Fn::Sub": f"arn:aws:codepipeline:${{AWS::Region}}:${{AWS::AccountId}}:{PIPELINE}"}
    target = {"Id": "pipeline", "Arn": pipeline_arn, "RoleArn": get("RuleRole")}
    rule = {"EventPattern": {"source": ["sample.pipeline"]}, "Targets": [target]}
    names = ("Source", "Artifacts", "PipelineRole", "DeployRole", "Topic", "Machine", "Function")
    return {
        "Resources": {
            **roles(),
            "Source": {
                "Type": "AWS::S3::Bucket", "Properties": {"VersioningConfiguration": {"Status": "Enabled"}}
            },
            "Artifacts": {"Type": "AWS::S3::Bucket"},
            "Topic": {"Type": "AWS::SNS::Topic"},
            "Function": {"Type": "AWS::Lambda::Function", "Properties": function},
            "Machine": machine({"StartAt": "Only", "States": {"Only": {"Type": "Pass", "End": True}}}),
            "Rule": {"Type": "AWS::Events::Rule", "Properties": rule},
            "Pipeline": {
                "Type": "AWS::CodePipeline::Pipeline", "Properties": pipeline, "DependsOn": ["PipelineRole"]
            },
        },
        "Outputs": {
            **{name: {"Value": {"Ref": name}} for name in names},
            "Version": {"Value": get("Pipeline", "Version")},
        },
    }  # fmt: skip
