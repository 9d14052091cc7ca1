"""`python -m local verify`: from what runs back to the pictures, every byte on the way hashed again."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from config import Edgeline
from local.audit import release
from local.audit.finding import Audit, AuditError, Say
from local.audit.objects import Objects
from local.audit.package import PackageAudit
from local.audit.running import Running, on_device, on_endpoint
from stacks.names import ENVIRONMENTS, EnvironmentName, account_of, auditor_role_name, endpoint_name, own_name


def verify(config: Edgeline, name: str, say: Say) -> int:
    """Walk the chain of an endpoint, a component or a device; 0 where every link holds, else 1, or 2."""
    audit = Audit(say)
    try:
        Verification(config, boto3.Session(), audit).walk(name)
    except (AuditError, ClientError, BotoCoreError) as error:
        say(f"error: {' '.join(str(error).split())}")
        return 2
    return _conclude(audit, name, say)


class Verification:
    """One walk, with the session of the account that has the data, the registry and the devices."""

    def __init__(self, config: Edgeline, session: Any, audit: Audit) -> None:
        self._config, self._session, self._audit = config, session, audit
        self._objects = Objects(session.client("s3"))

    def walk(self, name: str) -> None:
        """Check every link from what is named on; raises AuditError where nothing is named so."""
        running = self._running(name)
        package = self._session.client("sagemaker").describe_model_package(
            ModelPackageName=running.package_arn
        )
        self._release(package["CustomerMetadataProperties"]["model"], running.package_arn)
        walked = PackageAudit(self._audit, self._objects, package)
        walked.walk()
        if running.onnx_sha256:
            walked.same_model(running.onnx_sha256)

    def _running(self, name: str) -> Running:
        ours = {
            own_name(self._config, model, there): (model, there)
            for there in ENVIRONMENTS
            for model in self._config.models
        }
        if name in ours:
            model, there = ours[name]
            endpoint = endpoint_name(self._config, model, there)
            return on_endpoint(self._audit, self._at(there).client("sagemaker"), endpoint, component=name)
        found = None
        if "edge" in self._config.parts:
            found = on_device(self._audit, self._session, self._objects, name, self._config.name)
        if found is None:
            known = ", ".join(sorted(ours))
            raise AuditError(f"{name!r} is neither a core device nor one of the endpoints {known}")
        return found

    def _at(self, there: EnvironmentName) -> Any:
        """Become the auditor of an environment, in whichever account it is; a boto3 session."""
        sts, region = self._session.client("sts"), self._session.region_name
        account = account_of(self._config, there) or sts.get_caller_identity()["Account"]
        partition = self._session.get_partition_for_region(region)
        role = f"arn:{partition}:iam::{account}:role/{auditor_role_name(self._config, there)}"
        keys = sts.assume_role(RoleArn=role, RoleSessionName="verify")["Credentials"]
        return boto3.Session(
            keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=region
        )

    def _release(self, model: str, package_arn: str) -> None:
        entry = release.find(self._session, self._config.name, model, package_arn)
        if entry is None:
            self._audit.wrong("release record", package_arn, "the ledger of releases has no promotion of it")
        else:
            release.check(self._audit, self._objects, entry)


def _conclude(audit: Audit, name: str, say: Say) -> int:
    links = len(audit.findings)
    if not audit.broken:
        say(f"{name}: every one of {links} links holds")
        return 0
    say(f"{name}: {len(audit.broken)} of {links} links do not hold:")
    for finding in audit.broken:
        say(f"  {finding.link}: {finding.subject}: {finding.wrong}")
    return 1
