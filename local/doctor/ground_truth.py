"""What `backend = "ground_truth"` needs: the region's functions, the workteams, an account that has it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from config import Edgeline
from config_labeling import GroundTruth
from lambdas.labeling.ground_truth_regions import ACCOUNTS
from local.doctor.account import Account, Check
from local.doctor.finding import Finding

SERVICE = "Ground Truth"
_TABLE = "edgeline.toml labeling.ground_truth"
_BACK = 'or set backend = "workbench"'
_PRICES = "https://aws.amazon.com/sagemaker/groundtruth/pricing/"
_LIST = "aws sagemaker list-labeling-jobs --max-results 1"


@dataclass(frozen=True)
class Workteam:
    """A workteam as its ARN names it; `kind` is private or vendor."""

    key: str
    arn: str

    @property
    def region(self) -> str:
        """The region it is in."""
        return self.arn.split(":")[3]

    @property
    def account(self) -> str:
        """The account that owns it: a private team's own, for a vendor's AWS's."""
        return self.arn.split(":")[4]

    @property
    def kind(self) -> str:
        """What the ARN says of the people: private or vendor."""
        return self.arn.split("/")[1].removesuffix("-crowd")

    @property
    def command(self) -> str:
        """How to look for it by hand."""
        if self.kind == "vendor":
            return f"aws sagemaker describe-subscribed-workteam --workteam-arn {self.arn}"
        return f"aws sagemaker describe-workteam --workteam-name {self._name}"

    def find(self, account: Account, config: Edgeline) -> Iterator[Finding]:
        """Ask the account for it."""
        if self.kind == "vendor":
            found = account.ask("sagemaker", "describe_subscribed_workteam", WorkteamArn=self.arn)
        else:
            found = account.ask("sagemaker", "describe_workteam", WorkteamName=self._name)
        if found is None:
            where = f"{_TABLE}.{self.key}"
            yield Finding("error", f"there is no workteam {self.arn}", where, "write the ARN of yours")

    @property
    def _name(self) -> str:
        return self.arn.rsplit("/", 1)[1]


def wanted(config: Edgeline) -> Collection[str]:
    """The closed services that the configuration asks for by name: who does so may have them."""
    return (SERVICE,) if config.labeling.ground_truth is not None else ()


def check(config: Edgeline, region: str | None, examples: Collection[str]) -> Iterator[Finding]:
    """Look at what the configuration says of it; `examples` are account numbers that are nobody's."""
    named = config.labeling.ground_truth
    if named is None:
        return
    if region is not None and region not in ACCOUNTS:
        yield Finding(
            "error", f"Ground Truth has no functions of its tasks in {region}", _TABLE,
            f"deploy to one of {', '.join(ACCOUNTS)}, {_BACK}",
        )  # fmt: skip
    teams = _teams(named)
    for team in teams:
        yield from _team(team, config, region, examples)
    if len(teams) == 1:
        yield Finding(
            "advice", "one workteam draws and verifies: who verifies a label of their own is not counted",
            f"{_TABLE}.verification_workteam_arn",
            "name a team of other people, or give this one enough that rounds do not repeat",
        )  # fmt: skip
    yield Finding(
        "cost", "Ground Truth bills each picture that is labelled, and each that is verified; a vendor "
        "bills too: the table has no price", "edgeline.toml labeling.backend", _PRICES,
    )  # fmt: skip


def checks(config: Edgeline) -> Sequence[Check]:
    """What to ask the account: whether it ever had a labeling job, and whether the workteams are there."""
    named = config.labeling.ground_truth
    if named is None:
        return []
    what = "whether the account has Ground Truth, which takes no new customers"
    return [
        Check(what, "account", f"{_LIST}: it lists something where it was used before; {_BACK}", _used),
        *(
            Check(
                f"whether the workteam {team.arn} is there", f"{_TABLE}.{team.key}", team.command, team.find
            )
            for team in _teams(named)
        ),
    ]


def _teams(named: GroundTruth) -> list[Workteam]:
    """The workteams, each once, with the key that names it first."""
    teams = {
        named.verification_workteam_arn: "verification_workteam_arn",
        named.workteam_arn: "workteam_arn",
    }
    return [Workteam(key, arn) for arn, key in sorted(teams.items(), key=lambda one: -len(one[1]))]


def _team(
    team: Workteam, config: Edgeline, region: str | None, examples: Collection[str]
) -> Iterator[Finding]:
    where = f"{_TABLE}.{team.key}"
    if team.kind == "private" and team.account in examples:
        yield Finding(
            "error", f"the workteam {team.arn} is of an account of AWS's examples", where,
            "write the ARN of yours: aws sagemaker list-workteams",
        )  # fmt: skip
    elif team.kind == "private" and config.accounts.tools not in (None, team.account):
        yield Finding(
            "error", f"the workteam is of {team.account}, the jobs are of {config.accounts.tools}", where,
            "name a workteam of the tools account: aws sagemaker list-workteams",
        )  # fmt: skip
    if region is not None and team.region != region:
        yield Finding(
            "error", f"the workteam is in {team.region}, the jobs are in {region}", where,
            f"name a workteam of {region}",
        )  # fmt: skip


def _used(account: Account, config: Edgeline) -> Iterator[Finding]:
    jobs = account.ask("sagemaker", "list_labeling_jobs", MaxResults=1) or {}
    if not jobs.get("LabelingJobSummaryList"):
        yield Finding(
            "unchecked", "whether the account has Ground Truth, which takes no new customers: no labeling "
            "job was ever made in it here", f"account {account.number}/{account.region}",
            f"make one of a picture or two in the console, {_BACK}",
        )  # fmt: skip
