"""What a check finds: one line that says where, what is wrong and what to do."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """`where` is stack, resource and path; a warning is shown and fails nothing."""

    check: str
    where: str
    wrong: str
    remedy: str
    warning: bool = False

    def __str__(self) -> str:
        kind = " (warning)" if self.warning else ""
        return " ".join(f"{self.check}{kind}: {self.where}: {self.wrong}; {self.remedy}".split())
