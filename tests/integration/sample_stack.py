"""A template with one of each thing that the project's templates rely on, and the assembly that holds it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

STACK = "sample"
HANDLER = """
import json, os, boto3

def handler(event, context):
    table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
    if "token" in event:
        table.put_item(Item={"id": "token", "token": event["token"]})
    elif "detail-type" in event:
        table.put_item(Item={"id": event["id"], "event": json.dumps(event)})
    elif "requestContext" in event:
        arn = event["requestContext"]["identity"]["userArn"]
        return {"statusCode": 200, "body": json.dumps({"caller": arn})}
    elif event.get("action") == "list buckets":
        boto3.client("s3").list_buckets()
    elif event.get("action") == "who":
        return boto3.client("sts").get_caller_identity()["Arn"]
    elif event.get("action") == "crash":
        raise ValueError("as asked")
    return event
"""


def get(resource: str, attribute: str = "Arn") -> dict[str, Any]:
    return {"Fn::GetAtt": [resource, attribute]}


def role(service: str, *statements: dict[str, Any]) -> dict[str, Any]:
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    policy = {
        "PolicyName": "policy",
        "PolicyDocument": {"Version": "2012-10-17", "Statement": list(statements)},
    }
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
            "Policies": [policy] if statements else [],
        },
    }


def allow(actions: str | list[str], resource: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resource}


def machine(definition: dict[str, Any]) -> dict[str, Any]:
    return {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {
            "RoleArn": get("MachineRole"),
            "DefinitionString": {"Fn::Sub": json.dumps(definition)},
        },
    }


def task(resource: str, parameters: dict[str, Any]) -> dict[str, Any]:
    only = {"Type": "Task", "Resource": resource, "Parameters": parameters, "End": True}
    return {"StartAt": "Only", "States": {"Only": only}}


def storage() -> dict[str, Any]:
    deny_http = {
        "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "s3:*",
        "Resource": [get("Bucket"), {"Fn::Sub": "${Bucket.Arn}/*"}],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }  # fmt: skip
    key_policy = {
        "Effect": "Allow", "Action": "kms:*", "Resource": "*",
        "Principal": {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}},
    }  # fmt: skip
    encryption = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": get("Key")}
    rule = {"ServerSideEncryptionByDefault": encryption}
    return {
        "Key": {
            "Type": "AWS::KMS::Key",
            "Properties": {"KeyPolicy": {"Version": "2012-10-17", "Statement": [key_policy]}},
        },
        "Bucket": {
            "Type": "AWS::S3::Bucket",
            "Properties": {"BucketEncryption": {"ServerSideEncryptionConfiguration": [rule]}},
        },
        "TlsOnly": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {
                "Bucket": {"Ref": "Bucket"},
                "PolicyDocument": {"Version": "2012-10-17", "Statement": [deny_http]},
            },
        },
        "Table": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                "BillingMode": "PAY_PER_REQUEST",
            },
        },
    }


def function() -> dict[str, Any]:
    return {
        "FunctionRole": role("lambda.amazonaws.com", allow(["dynamodb:PutItem"], get("Table"))),
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Code": {
                    "S3Bucket": {"Fn::Sub": "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"},
                    "S3Key": "code.zip",
                },
                "Handler": "sample.handler",
                "Runtime": "python3.11",
                "Timeout": 20,
                "Role": get("FunctionRole"),
                "Environment": {"Variables": {"TABLE": {"Ref": "Table"}}},
            },
        },
    }


def machines() -> dict[str, Any]:
    token = {"FunctionName": "${Function}", "Payload": {"token.$": "$$.Task.Token"}}
    direct = {"FunctionName": "${Function}", "Payload.$": "$"}
    listing = task("arn:aws:states:::aws-sdk:dynamodb:scan", {"TableName": "${Table}"})
    return {
        "MachineRole": role(
            "states.amazonaws.com",
            allow("lambda:InvokeFunction", [get("Function"), {"Fn::Sub": "${Function.Arn}:*"}]),
        ),
        "Waiting": machine(task("arn:aws:states:::lambda:invoke.waitForTaskToken", token)),
        "Direct": machine(task("arn:aws:states:::lambda:invoke", direct)),
        "Denied": machine(listing),
    }


def rule(source: str, target: dict[str, Any]) -> dict[str, Any]:
    return {
        "Type": "AWS::Events::Rule",
        "Properties": {"EventPattern": {"source": [source]}, "Targets": [{"Id": "target", **target}]},
    }


def invoke_permission(service: str, source: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::Lambda::Permission",
        "Properties": {
            "Action": "lambda:InvokeFunction", "FunctionName": get("Function"), "Principal": service,
            "SourceArn": source,
        },
    }  # fmt: skip


def events() -> dict[str, Any]:
    return {
        "EventsRole": role("events.amazonaws.com", allow("states:StartExecution", {"Ref": "Direct"})),
        "IdleRole": role("events.amazonaws.com"),
        "ToFunction": rule("aws.sagemaker", {"Arn": get("Function")}),
        "Permission": invoke_permission("events.amazonaws.com", get("ToFunction")),
        "Unpermitted": rule("unpermitted", {"Arn": get("Function")}),
        "ToMachine": rule("started", {"Arn": {"Ref": "Direct"}, "RoleArn": get("EventsRole")}),
        "ToMachineDenied": rule("denied", {"Arn": {"Ref": "Direct"}, "RoleArn": get("IdleRole")}),
    }


def api() -> dict[str, Any]:
    uri = "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Function.Arn}/invocations"
    everything = {"Fn::Sub": "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*"}
    method = {"Fn::Sub": "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/v1/POST/claim"}
    may_claim = allow("execute-api:Invoke", method)
    return {
        "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "sample"}},
        "Claim": {
            "Type": "AWS::ApiGateway::Resource",
            "Properties": {
                "ParentId": get("Api", "RootResourceId"), "PathPart": "claim", "RestApiId": {"Ref": "Api"}
            },
        },
        "Method": {
            "Type": "AWS::ApiGateway::Method",
            "Properties": {
                "RestApiId": {"Ref": "Api"}, "ResourceId": {"Ref": "Claim"}, "HttpMethod": "POST",
                "AuthorizationType": "AWS_IAM",
                "Integration": {
                    "Type": "AWS_PROXY", "IntegrationHttpMethod": "POST", "Uri": {"Fn::Sub": uri}
                },
            },
        },
        "Deployment": {
            "Type": "AWS::ApiGateway::Deployment",
            "Properties": {"RestApiId": {"Ref": "Api"}},
            "DependsOn": ["Method"],
        },
        "Stage": {
            "Type": "AWS::ApiGateway::Stage",
            "Properties": {
                "RestApiId": {"Ref": "Api"}, "DeploymentId": {"Ref": "Deployment"}, "StageName": "v1"
            },
        },
        "ApiPermission": invoke_permission("apigateway.amazonaws.com", everything),
        "MayClaim": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {"PolicyDocument": {"Version": "2012-10-17", "Statement": [may_claim]}},
        },
    }  # fmt: skip


def device_role() -> dict[str, Any]:
    alias = {"RoleAlias": "sample-devices", "RoleArn": get("DeviceRole")}
    return {
        "DeviceRole": role("credentials.iot.amazonaws.com"),
        "Devices": {"Type": "AWS::IoT::RoleAlias", "Properties": alias},
    }


def template() -> dict[str, Any]:
    outputs = {
        "Bucket": {"Ref": "Bucket"}, "Table": {"Ref": "Table"}, "Function": get("Function"),
        "Waiting": {"Ref": "Waiting"}, "Direct": {"Ref": "Direct"}, "Denied": {"Ref": "Denied"},
        "Api": {"Ref": "Api"}, "MayClaim": {"Ref": "MayClaim"}, "MachineRole": get("MachineRole"),
        "RoleAliasArn": get("Devices", "RoleAliasArn"), "Key": get("Key"),
    }  # fmt: skip
    parts = (storage(), function(), machines(), events(), api(), device_role())
    version = {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/cdk-bootstrap/hnb659fds/version"}
    return {
        "Parameters": {"BootstrapVersion": version},
        "Resources": {name: resource for part in parts for name, resource in part.items()},
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }


def write_assembly(folder: Path, stacks: dict[str, dict[str, Any]]) -> Path:
    """Write a cloud assembly that holds another one, as a CDK stage does; stacks depend on the one before."""
    stage = folder / "assembly-Stage"
    code = stage / "asset.code"
    code.mkdir(parents=True)
    (code / "sample.py").write_text(HANDLER)
    bucket = "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"
    asset = {
        "source": {"path": "asset.code", "packaging": "zip"},
        "destinations": {"here": {"bucketName": bucket, "objectKey": "code.zip"}},
    }
    artifacts: dict[str, Any] = {}
    before: list[str] = []
    for name, content in stacks.items():
        (stage / f"{name}.template.json").write_text(json.dumps(content))
        (stage / f"{name}.assets.json").write_text(json.dumps({"files": {"code": asset}}))
        artifacts[name] = {
            "type": "aws:cloudformation:stack",
            "properties": {"stackName": name, "templateFile": f"{name}.template.json"},
            "dependencies": before,
        }
        before = [name]
    nested = {"type": "cdk:cloud-assembly", "properties": {"directoryName": stage.name}}
    (stage / "manifest.json").write_text(json.dumps({"artifacts": dict(reversed(artifacts.items()))}))
    (folder / "manifest.json").write_text(json.dumps({"artifacts": {"assembly-Stage": nested}}))
    return folder
