"""That cdk-nag ran when the assembly was made, on all of it, and found nothing that is not acknowledged."""

import json
from typing import Any

from checks.assembly import Assembly
from checks.finding import Finding

NAME = "cdk-nag"
_PACK = "AwsSolutions"
_REPORT = "validation-report.json"
_REMEDY = "app.py adds AwsSolutionsChecks to the app; run cdk synth again"


def check(assembly: Assembly) -> list[Finding]:
    """Read the report of the synthesis: a synthesis with findings leaves it too, beside the templates."""
    file = assembly.directory / _REPORT
    if not file.is_file():
        return [Finding(NAME, _REPORT, "missing: the assembly was made without cdk-nag", _REMEDY)]
    try:
        plugins = json.loads(file.read_text(encoding="utf-8"))["pluginReports"]
        packs = [plugin for plugin in plugins if plugin["pluginName"] == _PACK]
        found = [_finding(violation, each) for pack in packs for violation, each in _violations(pack)]
    except (ValueError, KeyError, TypeError) as error:
        return [Finding(NAME, _REPORT, f"not a validation report ({error!r})", "run cdk synth again")]
    if not packs:
        return [Finding(NAME, _REPORT, f"{_PACK} is not among the plugins that ran", _REMEDY)]
    if not found and any(pack["conclusion"] != "success" for pack in packs):
        return [Finding(NAME, _REPORT, f"{_PACK} did not succeed", "run cdk synth and read its output")]
    return found


def _violations(pack: dict[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return [
        (violation, each) for violation in pack["violations"] for each in violation["violatingConstructs"]
    ]


def _finding(violation: dict[str, Any], construct: dict[str, Any]) -> Finding:
    where = construct.get("constructPath") or construct.get("cloudFormationResource", {}).get(
        "logicalId", "?"
    )
    return Finding(
        NAME,
        where,
        f"{violation['ruleName']} {violation['description']}",
        "change it, or acknowledge it there with a reason (stacks/acknowledgements.py)",
        warning=violation.get("severity") != "error",
    )
