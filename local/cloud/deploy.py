"""Deploys a synthesized cloud assembly, as it is, through the CloudFormation API."""

from __future__ import annotations

import hashlib
import io
import json
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local.cloud.assembly import Stack, stacks_in_order
from local.cloud.server import LocalCloud

Outputs = dict[str, str]
Progress = Callable[[str, int, int], None]

BOOTSTRAP_VERSION = "30"
_BOOTSTRAP_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
_POLL_SECONDS = 0.1
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
_DEAD = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED")


class DeploymentError(Exception):
    """A stack was not deployed; the message names it and the resources that failed, with their reasons."""


def deploy(assembly: Path, cloud: LocalCloud, *, progress: Progress = lambda *_: None) -> dict[str, Outputs]:
    """Create or update every stack in its account; return the outputs by stack name.

    `progress(stack, done, total)` is told how many of a stack's resources are done.
    Raises DeploymentError for the first stack that fails; what came before it stays.
    """
    stacks = stacks_in_order(assembly)
    deployments = {
        account: _deployment(cloud, account, progress)
        for account in dict.fromkeys(stack.account(cloud.account) for stack in stacks)
    }
    return {stack.name: deployments[stack.account(cloud.account)].deploy(stack) for stack in stacks}


def _deployment(cloud: LocalCloud, account: str, progress: Progress) -> _Deployment:
    if account not in cloud.accounts:
        known = ", ".join(cloud.accounts)
        raise DeploymentError(
            f"a stack is for account {account}, and the local cloud has {known}: start it with that one too"
        )
    deployment = _Deployment(cloud.root_session(account), account, cloud.region, cloud.url, progress)
    deployment.bootstrap()
    return deployment


def zip_folder(folder: Path) -> bytes:
    """Return a zip of `folder`, the same bytes for the same files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _ZIP_DATE)
                entry.external_attr = (path.stat().st_mode & 0o777) << 16
                archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


class _Deployment:
    def __init__(self, session: Any, account: str, region: str, url: str, progress: Progress) -> None:
        self._s3 = session.client("s3")
        self._ssm = session.client("ssm")
        self._cloudformation = session.client("cloudformation")
        self._account = account
        self._region = region
        self._url = url
        self._progress = progress

    def bootstrap(self) -> None:
        """Make what `cdk bootstrap` makes, as far as templates refer to it."""
        self._ssm.put_parameter(
            Name=_BOOTSTRAP_PARAMETER, Value=BOOTSTRAP_VERSION, Type="String", Overwrite=True
        )

    def deploy(self, stack: Stack) -> Outputs:
        template_url = self._publish(stack)
        before = self._describe(stack.name)
        if before and before["StackStatus"] in _DEAD:
            self._cloudformation.delete_stack(StackName=stack.name)
            self._wait(stack.name, 0)
            before = None
        resources = len(json.loads((stack.folder / stack.template).read_text())["Resources"])
        started = self._start(stack, template_url, update=before is not None)
        found = self._wait(stack.name, resources) if started else before
        if found is None or found["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            raise DeploymentError(self._failure(stack.name, found))
        self._progress(stack.name, resources, resources)
        return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}

    def _start(self, stack: Stack, template_url: str, *, update: bool) -> bool:
        arguments = {"StackName": stack.name, "TemplateURL": template_url, "Capabilities": _CAPABILITIES}
        try:
            if update:
                self._cloudformation.update_stack(**arguments)
            else:
                self._cloudformation.create_stack(**arguments, OnFailure="ROLLBACK")
        except ClientError as error:
            if "No updates are to be performed" in str(error):
                return False
            raise DeploymentError(f"{stack.name}: {error.response['Error']['Message']}") from error
        return True

    def _wait(self, name: str, resources: int) -> dict[str, Any] | None:
        while (found := self._describe(name)) and found["StackStatus"].endswith("_IN_PROGRESS"):
            events = self._events(name) if resources else []
            done = {e["LogicalResourceId"] for e in events if e["ResourceStatus"].endswith("_COMPLETE")}
            self._progress(name, min(len(done), resources), resources)
            time.sleep(_POLL_SECONDS)
        return found

    def _describe(self, name: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        return None if found["StackStatus"] == "DELETE_COMPLETE" else found

    def _events(self, name: str) -> list[dict[str, Any]]:
        pages = self._cloudformation.get_paginator("describe_stack_events").paginate(StackName=name)
        return [event for page in pages for event in page["StackEvents"]]

    def _failure(self, name: str, found: Mapping[str, Any] | None) -> str:
        status = found["StackStatus"] if found else "gone"
        reasons = [
            f"{event['LogicalResourceId']} ({event['ResourceType']}): {event.get('ResourceStatusReason', '')}"
            for event in reversed(self._events(name) if found else [])
            if event["ResourceStatus"].endswith("_FAILED")
        ]
        why = found.get("StackStatusReason", "") if found else ""
        return f"{name} is {status}: " + ("; ".join(reasons) or why)

    def _publish(self, stack: Stack) -> str:
        """Upload the stack's assets, and its template as AWS reads it: from a bucket."""
        manifest = json.loads((stack.folder / f"{stack.artifact}.assets.json").read_text())
        bucket = f"cdk-hnb659fds-assets-{self._account}-{self._region}"
        for asset in manifest.get("files", {}).values():
            content = None
            for destination in asset["destinations"].values():
                bucket = self._resolved(destination["bucketName"])
                if self._exists(bucket, destination["objectKey"]):
                    continue
                content = content or _content(stack.folder, asset["source"])
                self._s3.put_object(Bucket=bucket, Key=destination["objectKey"], Body=content)
        if manifest.get("dockerImages"):
            raise DeploymentError(f"{stack.name}: image assets are not served by the local cloud")
        template = (stack.folder / stack.template).read_bytes()
        key = f"{hashlib.sha256(template).hexdigest()}.json"
        if not self._exists(bucket, key):
            self._s3.put_object(Bucket=bucket, Key=key, Body=template)
        return f"{self._url}/{bucket}/{key}"

    def _resolved(self, name: str) -> str:
        for placeholder, value in (
            ("${AWS::AccountId}", self._account),
            ("${AWS::Region}", self._region),
            ("${AWS::Partition}", "aws"),
        ):
            name = name.replace(placeholder, value)
        return name

    def _exists(self, bucket: str, key: str) -> bool:
        try:
            self._s3.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise
        else:
            return True
        try:
            self._s3.head_bucket(Bucket=bucket)
        except ClientError:
            self._s3.create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": self._region}
            )
            # As `cdk bootstrap` makes it: pipelines take their sources from it by version.
            self._s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        return False


def _content(folder: Path, source: Mapping[str, str]) -> bytes:
    if "path" not in source:
        raise DeploymentError(f"an asset made by {source.get('executable')}: not served by the local cloud")
    path = folder / source["path"]
    return zip_folder(path) if source.get("packaging") == "zip" and path.is_dir() else path.read_bytes()
