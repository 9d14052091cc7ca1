"""What people are told of a release of members of a tree."""

from collections.abc import Mapping
from typing import Any

from lambdas.common.executions import message_of
from lambdas.common.packages import PackageArn

_HELD = (
    "It is released by itself, together with what it waits for, as soon as that is approved. Reject it if it"
    " shall not be. Prod keeps what it serves."
)
_PUT_BACK = "Staging and prod have been put back to what they served before, every member of it."


def tree_notice(release: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Word a notice: its subject and its lines."""
    together, failure = release["set"], release.get("failure")
    what = _named(together["members"])
    if release.get("rollback_failure"):
        causes = [(failure or {}).get("Cause", ""), release["rollback_failure"]["Cause"]]
        why, but = (message_of(cause) for cause in causes)
        lines = [f"Why it had to go back: {why}", f"Why it could not: {but}"]
        return f"{together['tree']}: THE WAY BACK FAILED, look at prod", lines
    if failure:
        return _failed(release, what)
    if release["purpose"] == "roll back":
        rejected = PackageArn.parse(release["rejected"]).version
        line = f"{release['rejected']} was rejected by {release['rejected_by'] or 'unknown'}."
        return f"{what} back in prod, {release['model']} {rejected} was rejected", [line, *_packages(release)]
    if release["purpose"] == "recover":
        was = release["cut_off"]["execution"]
        return f"{what} in prod after an execution was cut off", [f"It was {was}.", *_packages(release)]
    return f"{what} in prod", [f"{together['why']}.", *_packages(release)]


def _failed(release: Mapping[str, Any], what: str) -> tuple[str, list[str]]:
    together, failure = release["set"], release["failure"]
    cause = message_of(failure["Cause"])
    asked = _versioned(release)
    if failure["Error"] == "Held":
        return f"{asked} is held", [f"{cause}.", _HELD]
    begun = any(
        f"{place}_before" in member for member in together["members"] for place in ("staging", "prod")
    )
    back = _PUT_BACK if begun else "Nothing was deployed."
    others = [member for member in together["members"] if member["model"] != failure["model"]]
    waits = [f"Held, until there is another version of {failure['model']}: {_listed(others)}."]
    lines = [
        f"{failure['model']}: {cause}",
        back,
        *(waits if others and release["purpose"] == "promote" else []),
    ]
    verb = "not released" if release["purpose"] == "promote" else "not brought back"
    return f"{_listed(together['members']) or asked} {verb}: {failure['Error']}", lines


def _packages(release: Mapping[str, Any]) -> list[str]:
    """Name each member's package and record."""
    return [
        f"{member['model_package_arn']}, record {(member.get('release') or {}).get('uri', 'none')}"
        for member in release["set"]["members"]
    ]


def _named(members: list[Mapping[str, Any]]) -> str:
    return f"{_listed(members)} {'is' if len(members) == 1 else 'are together'}"


def _listed(members: list[Mapping[str, Any]]) -> str:
    names = [_versioned(member) for member in members]
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def _versioned(member: Mapping[str, Any]) -> str:
    return f"{member['model']} {PackageArn.parse(member['model_package_arn']).version}"
