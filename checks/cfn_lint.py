"""cfn-lint on every template; its warnings are shown and fail nothing."""

import json
from typing import Any

from cfnlint.api import lint
from cfnlint.config import ManualArgs

from checks.assembly import Assembly, Resource, Stack
from checks.finding import Finding

NAME = "cfn-lint"
# W3005: CDK writes a DependsOn beside the GetAtt that implies it.
_IGNORED = ["W3005"]


def check(assembly: Assembly) -> list[Finding]:
    """Lint each template for the region that it goes to."""
    return [_finding(stack, match) for stack in assembly.stacks for match in _matches(stack)]


def _matches(stack: Stack) -> list[Any]:
    options = ManualArgs(regions=[stack.region], ignore_checks=_IGNORED)
    return list(lint(json.dumps(stack.template), config=options))


def _finding(stack: Stack, match: Any) -> Finding:
    return Finding(
        NAME,
        _where(stack, [str(part) for part in match.path or []]),
        f"{match.rule.id} {match.message}",
        f"change what makes it ({match.rule.shortdesc.rstrip('.')})",
        warning=match.rule.severity != "error",
    )


def _where(stack: Stack, path: list[str]) -> str:
    if path[:1] == ["Resources"] and len(path) > 1 and path[1] in stack.template["Resources"]:
        resource = Resource(stack, path[1], stack.template["Resources"][path[1]])
        return " ".join([resource.where, "/".join(path[2:])]).strip()
    return " ".join([stack.path, "/".join(path)]).strip()
