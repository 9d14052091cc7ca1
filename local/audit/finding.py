"""What an audit has found: one line for each link of the chain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

Say = Callable[[str], None]


class AuditError(Exception):
    """The audit cannot be made; the message is one line that says why and what to do."""


@dataclass(frozen=True)
class Finding:
    """One link: what it is, of which object, and what is wrong with it; "" where it holds."""

    link: str
    subject: str
    wrong: str = ""

    def __str__(self) -> str:
        """Give the line that a person reads."""
        return f"{'WRONG' if self.wrong else 'ok':5}  {self.link:16} {self.subject}" + (
            f": {self.wrong}" if self.wrong else ""
        )


@dataclass
class Audit:
    """Collects the findings; each is told to `say` as it is made."""

    say: Say
    findings: list[Finding] = field(default_factory=list)

    def holds(self, link: str, subject: str) -> None:
        """Note a link that holds."""
        self._add(Finding(link, subject))

    def wrong(self, link: str, subject: str, why: str) -> None:
        """Note one that does not."""
        self._add(Finding(link, subject, why))

    def check(self, link: str, subject: str, problem: str | None) -> None:
        """Note a link that holds unless there is a problem."""
        self._add(Finding(link, subject, problem or ""))

    @property
    def broken(self) -> list[Finding]:
        """The links that do not hold."""
        return [finding for finding in self.findings if finding.wrong]

    def counts(self) -> dict[str, int]:
        """Count the links that hold, by what they are."""
        return dict(Counter(finding.link for finding in self.findings if not finding.wrong))

    def _add(self, finding: Finding) -> None:
        self.findings.append(finding)
        self.say(str(finding))
