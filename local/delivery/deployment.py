"""The one deployment by hand: `cdk bootstrap` and `cdk deploy Delivery`, by the CDK's own command line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from botocore.exceptions import ClientError

from local.delivery.errors import DeliveryError
from local.delivery.serving import Serving
from local.demo.synthesis import ROOT

BOOTSTRAP_STACK = "CDKToolkit"
_EXECUTION_POLICY = ROOT / "bootstrap" / "execution-policy.json"
_QUIET = {
    "CDK_DISABLE_VERSION_CHECK": "1",
    "CDK_VALIDATION": "false",  # the synth step of the pipeline has it on
    "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
}
_LAST_LINES = 12


def bootstrap(serving: Serving) -> None:
    """Prepare the account for the CDK, with the repository's own execution policy as the README has it."""
    arguments = ["bootstrap", f"aws://{serving.account}/{serving.region}"]
    if _EXECUTION_POLICY.exists():
        arguments += ["--cloudformation-execution-policies", _execution_policy(serving)]
    _cdk(serving, *arguments)


def deploy_delivery(serving: Serving) -> None:
    """Deploy the one stack from which the pipeline deploys everything else."""
    _cdk(serving, "deploy", "Delivery", "--require-approval", "never", "--progress", "events")


def outputs(serving: Serving, stack: str) -> dict[str, str] | None:
    """Return the outputs of a stack that is deployed; None when it is not."""
    client = serving.session(serving.root).client("cloudformation")
    try:
        found = client.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
        return None
    if not found["StackStatus"].endswith("_COMPLETE") or found["StackStatus"].startswith(
        ("DELETE", "ROLLBACK")
    ):
        return None
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}


def _execution_policy(serving: Serving) -> str:
    """Make the policy that CloudFormation's role is to have, and return its ARN."""
    iam = serving.session(serving.root).client("iam")
    name = "edgeline-cloudformation"  # as the README has it
    try:
        made = iam.create_policy(PolicyName=name, PolicyDocument=_EXECUTION_POLICY.read_text("utf-8"))
    except iam.exceptions.EntityAlreadyExistsException:
        return f"arn:aws:iam::{serving.account}:policy/{name}"
    return str(made["Policy"]["Arn"])


def _cdk(serving: Serving, *arguments: str) -> None:
    # Node is beside this Python; and whatever account the shell is in is none of this.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    path = os.pathsep.join([str(Path(sys.executable).parent), inherited.get("PATH", "")])
    command = ["cdk", *arguments, "--no-notices", "--no-version-reporting", "--ci"]
    done = subprocess.run(
        command, cwd=ROOT, env={**inherited, **_QUIET, **serving.environment(serving.root), "PATH": path},
        capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    if done.returncode:
        raise DeliveryError(f"cdk {arguments[0]}: {_end(done.stdout + done.stderr)}")


def _end(said: str) -> str:
    lines: Sequence[str] = [line.strip() for line in said.splitlines() if line.strip()]
    return "\n".join(lines[-_LAST_LINES:])
