"""Whether bootstrap/execution-policy.json lets CloudFormation make what the templates have, and no more."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from config import Edgeline
from local.doctor.assembly import Stack
from local.doctor.finding import Finding

POLICY = Path(__file__).parents[2] / "bootstrap/execution-policy.json"
# Beside it where there is a Studio domain, which few want.
STUDIO_POLICY = POLICY.with_name("studio-policy.json")
_WHERE = "bootstrap/execution-policy.json"
# Namespaces of CloudFormation whose IAM prefix is not their own name.
_PREFIXES = {"ApiGateway": "apigateway", "Cognito": "cognito-idp", "StepFunctions": "states"}


def check(config: Edgeline, stacks: Sequence[Stack], policy: Path = POLICY) -> Iterator[Finding]:
    """Compare the policy with the resources of the templates and with the project's name."""
    text = policy.read_text(encoding="utf-8")
    allowed = allowed_services(json.loads(text))
    if config.studio is not None:
        allowed |= allowed_services(json.loads(STUDIO_POLICY.read_text(encoding="utf-8")))
    for service in sorted(services_of(stacks) - allowed):
        yield Finding(
            "error", f"the execution policy does not let CloudFormation use {service}", _WHERE,
            f"add the actions of {service}, update the policy in each account",
        )  # fmt: skip
    names = set(re.findall(r"role/([a-z0-9-]+)-\*", text)) - {"aws-service-role"}
    if names != {config.name}:
        yield Finding(
            "error", f"the execution policy is for {', '.join(sorted(names))}, the project is {config.name}",
            _WHERE, f"sed -i 's/{next(iter(names), 'edgeline')}/{config.name}/g' {_WHERE}",
        )  # fmt: skip
    for group in (config.fleet.staging_group, config.fleet.prod_group):
        if "edge" in config.parts and not group.startswith(f"{config.name}-"):
            yield Finding(
                "error", f"the execution policy knows things of {config.name}-* only, not {group}",
                "edgeline.toml fleet", f"begin the name of the group with {config.name}-",
            )  # fmt: skip


def services_of(stacks: Sequence[Stack]) -> set[str]:
    """IAM prefixes of the services whose resources are in the templates."""
    found = set()
    for stack in stacks:
        for _, kind, _ in stack.resources():
            provider, _, rest = kind.partition("::")
            namespace = rest.partition("::")[0]
            if provider == "AWS" and namespace not in ("CDK", "CloudFormation"):
                found.add(_PREFIXES.get(namespace, namespace.lower()))
            elif provider == "Custom":
                found.add("lambda")
    return found


def allowed_services(policy: dict[str, Any]) -> set[str]:
    """IAM prefixes of the services that the policy allows anything of."""
    actions = [
        action
        for statement in policy["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    ]
    return {action.partition(":")[0] for action in actions}
