"""A page behind sign-in, as small as can be: distribution, encrypted bucket, user pool, API, pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import sample_stack
from sample_stack import allow, get, role

STACK = "page-labeling"
DOMAIN = "page-sample"
AGENT = {"Fn::Sub": "https://${Domain}.auth.${AWS::Region}.amazoncognito.com"}
HANDLER = """
import json, os, boto3
from botocore.config import Config

def handler(event, context):
    claims = event["requestContext"]["authorizer"]["claims"]
    s3 = boto3.client("s3", config=Config(signature_version="s3v4", s3={"addressing_style": "virtual"}))
    picture = {"Bucket": os.environ["PICTURES"], "Key": "picture"}
    answer = {
        "claims": claims, "path": event["path"], "length": len(event["body"] or ""),
        "picture": s3.generate_presigned_url("get_object", Params=picture, ExpiresIn=600),
    }
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(answer)}
"""


def _sub(text: str) -> dict[str, Any]:
    return {"Fn::Sub": text}


def storage() -> dict[str, Any]:
    ours = {
        "StringEquals": {"aws:SourceArn": _sub("arn:aws:cloudfront::${AWS::AccountId}:distribution/${Page}")}
    }
    front = {"Principal": {"Service": "cloudfront.amazonaws.com"}, "Condition": ours}
    # A condition on the distribution's ARN would close a circle between key, bucket and distribution.
    any_of_ours = {
        "StringLike": {"aws:SourceArn": _sub("arn:aws:cloudfront::${AWS::AccountId}:distribution/*")}
    }
    root = {"Principal": {"AWS": _sub("arn:aws:iam::${AWS::AccountId}:root")}, **allow("kms:*", "*")}
    decrypt = {**front, **allow("kms:Decrypt", "*"), "Condition": any_of_ours}
    rule = {
        "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": get("Key")},
        "BucketKeyEnabled": True,
    }
    encrypted = {"BucketEncryption": {"ServerSideEncryptionConfiguration": [rule]}}
    # The very distribution would close a circle: its headers name the bucket.
    cors = {"CorsRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["https://*.cloudfront.net"]}]}
    tls = {
        "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "s3:*", "Resource": _sub("${Site.Arn}/*"),
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }  # fmt: skip
    statements = [{**front, **allow("s3:GetObject", _sub("${Site.Arn}/*"))}, tls]
    return {
        "Key": {
            "Type": "AWS::KMS::Key",
            "Properties": {"KeyPolicy": {"Version": "2012-10-17", "Statement": [root, decrypt]}},
        },
        "Site": {"Type": "AWS::S3::Bucket", "Properties": encrypted},
        "Pictures": {"Type": "AWS::S3::Bucket", "Properties": {"CorsConfiguration": cors}},
        "SitePolicy": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {
                "Bucket": {"Ref": "Site"},
                "PolicyDocument": {"Version": "2012-10-17", "Statement": statements},
            },
        },
    }


def distribution() -> dict[str, Any]:
    pictures = "https://${Pictures}.s3.${AWS::Region}.amazonaws.com"
    agent = "https://${Domain}.auth.${AWS::Region}.amazoncognito.com"
    policy = "; ".join((
        "default-src 'none'", "script-src 'self'", f"img-src 'self' {pictures}",
        f"connect-src 'self' {pictures} {agent}",
    ))  # fmt: skip
    headers = {
        "Name": "page-sample",
        "SecurityHeadersConfig": {
            "ContentSecurityPolicy": {"ContentSecurityPolicy": _sub(policy), "Override": True},
            "ContentTypeOptions": {"Override": True},
            "StrictTransportSecurity": {"AccessControlMaxAgeSec": 600, "Override": True},
        },
    }
    access = {
        "Name": "page-sample", "OriginAccessControlOriginType": "s3", "SigningBehavior": "always",
        "SigningProtocol": "sigv4",
    }  # fmt: skip
    return {
        "Headers": {
            "Type": "AWS::CloudFront::ResponseHeadersPolicy",
            "Properties": {"ResponseHeadersPolicyConfig": headers},
        },
        "Access": {
            "Type": "AWS::CloudFront::OriginAccessControl",
            "Properties": {"OriginAccessControlConfig": access},
        },
        "Page": {"Type": "AWS::CloudFront::Distribution", "Properties": {"DistributionConfig": _config()}},
    }


def _config() -> dict[str, Any]:
    site = {
        "Id": "site", "DomainName": _sub("${Site}.s3.${AWS::Region}.amazonaws.com"),
        "S3OriginConfig": {"OriginAccessIdentity": ""}, "OriginAccessControlId": {"Ref": "Access"},
    }  # fmt: skip
    api = {
        "Id": "api", "DomainName": _sub("${Api}.execute-api.${AWS::Region}.amazonaws.com"),
        "CustomOriginConfig": {"OriginProtocolPolicy": "https-only"},
    }  # fmt: skip
    shared = {"ViewerProtocolPolicy": "redirect-to-https", "ResponseHeadersPolicyId": {"Ref": "Headers"}}
    uncached = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"  # CachingDisabled
    all_but_host = "b689b0a8-53d0-40ab-baf2-68738e2966ac"  # AllViewerExceptHostHeader
    methods = ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"]
    return {
        "Enabled": True, "DefaultRootObject": "index.html", "Origins": [site, api],
        "DefaultCacheBehavior": {"TargetOriginId": "site", "CachePolicyId": uncached, **shared},
        "CacheBehaviors": [{
            "PathPattern": "/api/*", "TargetOriginId": "api", "AllowedMethods": methods,
            "CachePolicyId": uncached, "OriginRequestPolicyId": all_but_host, **shared,
        }],
    }  # fmt: skip


def people() -> dict[str, Any]:
    pool = {"UserPoolId": {"Ref": "Pool"}}
    home = _sub("https://${Page.DomainName}/")
    client = {
        **pool, "GenerateSecret": False, "AllowedOAuthFlowsUserPoolClient": True,
        "AllowedOAuthFlows": ["code"], "AllowedOAuthScopes": ["openid"], "CallbackURLs": [home],
        "LogoutURLs": [home], "SupportedIdentityProviders": ["COGNITO"],
        "ExplicitAuthFlows": [
            "ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH",
        ],
    }  # fmt: skip
    settings = {
        "UsernameConfiguration": {"CaseSensitive": False},
        "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": True},
        "MfaConfiguration": "OPTIONAL",
        "EnabledMfas": ["SOFTWARE_TOKEN_MFA"],
    }
    return {
        "Pool": {"Type": "AWS::Cognito::UserPool", "Properties": settings},
        "Client": {"Type": "AWS::Cognito::UserPoolClient", "Properties": client},
        "OtherClient": {"Type": "AWS::Cognito::UserPoolClient", "Properties": client},
        "Domain": {"Type": "AWS::Cognito::UserPoolDomain", "Properties": {**pool, "Domain": DOMAIN}},
        "Annotators": {
            "Type": "AWS::Cognito::UserPoolGroup",
            "Properties": {**pool, "GroupName": "annotators"},
        },
        "Yara": {
            "Type": "AWS::Cognito::UserPoolUser",
            "Properties": {**pool, "Username": "yara", "MessageAction": "SUPPRESS"},
        },
        "YaraAnnotates": {
            "Type": "AWS::Cognito::UserPoolUserToGroupAttachment",
            "Properties": {**pool, "Username": {"Ref": "Yara"}, "GroupName": {"Ref": "Annotators"}},
        },
        "Look": {
            "Type": "AWS::Cognito::ManagedLoginBranding",
            "Properties": {**pool, "ClientId": {"Ref": "Client"}, "UseCognitoProvidedValues": True},
        },
        "Supervisors": {
            "Type": "AWS::Cognito::UserPoolGroup",
            "Properties": {**pool, "GroupName": "supervisors"},
        },
    }


def api() -> dict[str, Any]:
    uri = "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Function.Arn}/invocations"
    here = {"RestApiId": {"Ref": "Api"}}
    method = {
        **here, "ResourceId": {"Ref": "Echo"}, "HttpMethod": "POST",
        "AuthorizationType": "COGNITO_USER_POOLS", "AuthorizerId": {"Ref": "Authorizer"},
        "Integration": {"Type": "AWS_PROXY", "IntegrationHttpMethod": "POST", "Uri": _sub(uri)},
    }  # fmt: skip
    authorizer = {
        **here, "Name": "people", "Type": "COGNITO_USER_POOLS", "ProviderARNs": [get("Pool")],
        "IdentitySource": "method.request.header.Authorization",
        "IdentityValidationExpression": {"Ref": "Client"},
    }  # fmt: skip
    everything = _sub("arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*")
    bucket = "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"
    return {
        "FunctionRole": role("lambda.amazonaws.com", allow("s3:GetObject", _sub("${Pictures.Arn}/*"))),
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Code": {"S3Bucket": _sub(bucket), "S3Key": "code.zip"},
                "Handler": "sample.handler", "Runtime": "python3.11", "Timeout": 20,
                "Role": get("FunctionRole"), "Environment": {"Variables": {"PICTURES": {"Ref": "Pictures"}}},
            },
        },
        "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "page-sample"}},
        "Authorizer": {"Type": "AWS::ApiGateway::Authorizer", "Properties": authorizer},
        "Echo": {
            "Type": "AWS::ApiGateway::Resource",
            "Properties": {**here, "ParentId": get("Api", "RootResourceId"), "PathPart": "echo"},
        },
        "Method": {"Type": "AWS::ApiGateway::Method", "Properties": method},
        "Deployment": {
            "Type": "AWS::ApiGateway::Deployment", "Properties": here, "DependsOn": ["Method"],
        },
        "Stage": {
            "Type": "AWS::ApiGateway::Stage",
            "Properties": {**here, "DeploymentId": {"Ref": "Deployment"}, "StageName": "api"},
        },
        "ApiPermission": sample_stack.invoke_permission("apigateway.amazonaws.com", everything),
    }  # fmt: skip


def template() -> dict[str, Any]:
    outputs = {
        "Site": {"Ref": "Site"}, "Pictures": {"Ref": "Pictures"}, "PageUrl": _sub("https://${Page.DomainName}/"),
        "UserPoolId": {"Ref": "Pool"}, "UserPoolClientId": {"Ref": "Client"},
        "OtherClient": {"Ref": "OtherClient"},
        "SignInUrl": AGENT, "Api": {"Ref": "Api"}, "Key": get("Key"), "Page": {"Ref": "Page"},
    }  # fmt: skip
    parts = (storage(), distribution(), people(), api())
    return {
        "Resources": {name: resource for part in parts for name, resource in part.items()},
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }


def write_assembly(folder: Path, *, account: str = "", domain: str = DOMAIN) -> Path:
    """Write a cloud assembly with the stack, for the cloud's own account or another."""
    sample_stack.write_assembly(folder, {STACK: template()})
    code = folder / "assembly-Stage" / "asset.code"
    (code / "sample.py").write_text(HANDLER)
    # The code's key says what it is: another test's stack has other code under "code.zip".
    for name in (f"{STACK}.assets.json", f"{STACK}.template.json"):
        path = folder / "assembly-Stage" / name
        content = json.dumps(json.loads(path.read_text())).replace("code.zip", "page.zip")
        path.write_text(content.replace(DOMAIN, domain))
    if account:
        path = folder / "assembly-Stage" / "manifest.json"
        manifest = json.loads(path.read_text())
        manifest["artifacts"][STACK]["environment"] = f"aws://{account}/eu-west-1"
        path.write_text(json.dumps(manifest))
    return folder
