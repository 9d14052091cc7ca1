"""The labeling page of a served cloud: where a browser finds it, and who may sign in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from botocore.exceptions import ClientError

from config import Edgeline
from local.cloud.addresses import served_at
from local.cloud.pool_users import add_user
from local.delivery import deployment, serving
from local.delivery.errors import DeliveryError
from local.delivery.serving import Serving
from local.demo.progress import Terminal


def address(cloud: Serving, name: str) -> str | None:
    """Return the page's address for a browser on this machine; None before the page is deployed."""
    outputs = deployment.outputs(cloud, f"{name}-labeling") or {}
    return served_at(cloud.url, outputs["PageUrl"]) if "PageUrl" in outputs else None


def told(where: str) -> str:
    """Return the line that says where the page is, and how to come in."""
    return f"Labeling page: {where}  (python -m local invite NAME lets somebody in)"


def invite(config: Edgeline, folder: Path, person: str, groups: Sequence[str], terminal: Terminal) -> int:
    """Make somebody a user of the page, and say where the page is and with which password."""
    cloud = serving.find(folder)
    where = cloud and address(cloud, config.name)
    if cloud is None or where is None:
        raise DeliveryError("no labeling page is served: python -m local push deploys it")
    outputs = deployment.outputs(cloud, f"{config.name}-labeling") or {}
    client = cloud.session(cloud.root).client("cognito-idp")
    try:
        password = add_user(client, outputs["UserPoolId"], person, groups)
    except ClientError as error:
        raise DeliveryError(f"{person} is not invited: {error.response['Error']['Message']}") from error
    terminal.say(f"Page:      {where}")
    terminal.say(f"Username:  {person}  ({', '.join(groups)})")
    terminal.say(f"Password:  {password}")
    return 0
