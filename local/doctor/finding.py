"""What the doctor has to say: plain lines, each with what, where and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["error", "cost", "advice", "unchecked"]

_HEADINGS: dict[Severity, str] = {
    "error": "would fail",
    "cost": "costs money",
    "advice": "worth knowing",
    "unchecked": "not checked",
}


@dataclass(frozen=True)
class Finding:
    """One thing that was found, or could not be looked at."""

    severity: Severity
    what: str
    where: str
    remedy: str

    def line(self) -> str:
        """The finding as one line of text."""
        return f"{self.what} [{self.where}] -> {self.remedy}"


def as_text(findings: Iterable[Finding]) -> str:
    """All findings by severity, the worst first."""
    found = list(findings)
    blocks = []
    for severity, heading in _HEADINGS.items():
        lines = [f"  {finding.line()}" for finding in found if finding.severity == severity]
        if lines:
            blocks.append("\n".join([f"{severity}: {heading} ({len(lines)})", *lines]))
    return "\n\n".join(blocks)


def as_values(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """All findings for `--json`."""
    return [asdict(finding) for finding in findings]
