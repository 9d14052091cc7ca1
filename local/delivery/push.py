"""`python -m local push`: from whatever there is to deployed, and every line of the way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from config import Edgeline
from config_delivery import Delivery
from local.delivery import deployment, people, serving
from local.delivery.approvals import Approvals, Decide, left
from local.delivery.errors import DeliveryError
from local.delivery.following import Line
from local.delivery.people import People
from local.delivery.remote import NAME, WorkingTree, remote_address
from local.delivery.serve import place, serve_in_background
from local.delivery.serving import Serving, Session
from local.demo.progress import Terminal
from local.demo.synthesis import ROOT
from local.source.folder import followed_by, pushed_by

_SHOWN_FILES = 5


@dataclass(frozen=True)
class Options:
    """What the user asked for; `branch` None is what is checked out."""

    folder: Path
    branch: str | None = None
    stop_after: str | None = None


class Push:
    """One `push`; `run` returns 0 where everything that it started has succeeded."""

    def __init__(self, config: Edgeline, options: Options, decide: Decide, terminal: Terminal) -> None:
        self._config = config
        self._delivery = _delivery(config)
        self._options = options
        self._decide = decide
        self._terminal = terminal
        self._tree = WorkingTree(ROOT)

    def run(self) -> int:
        """Serve, bootstrap, deploy the delivery, as far as it is not done yet; push; follow."""
        place(self._config)
        commit = self._tree.head(self._options.branch)
        self._warn(commit)
        cloud = self._serving()
        outputs = self._set_up(cloud)
        team = self._people(cloud, outputs)
        address = remote_address(cloud, self._delivery, outputs)
        self._tree.set_remote(address)
        line = Line(
            self._config.name, outputs, cloud.session(team.onlooker),
            Approvals(lambda: self._approver(cloud), self._decide), self._terminal.say,
            stop_after=self._options.stop_after,
        )  # fmt: skip
        since = datetime.now(UTC).replace(microsecond=0)
        if self._tree.remote_head(self._delivery.branch) == commit:
            return line.follow_again(commit)
        with self._terminal.part("Push") as part:
            self._tree.push(commit, self._delivery.branch)
            part.result(f"{commit[:7]} to {NAME} {self._delivery.branch}")
        return line.follow(commit, since)

    def _warn(self, commit: str) -> None:
        self._terminal.say(f"{commit[:7]} {self._tree.subject(commit)}", style="bold")
        files = self._tree.uncommitted()
        if files:
            more = f" and {len(files) - _SHOWN_FILES} more" if len(files) > _SHOWN_FILES else ""
            shown = ", ".join(files[:_SHOWN_FILES])
            self._terminal.say(f"Not committed, so not pushed: {shown}{more}", style="yellow")

    def _serving(self) -> Serving:
        found = serving.find(self._options.folder)
        if found is None:
            with self._terminal.part("Start the local cloud") as part:
                found = serve_in_background(self._options.folder)
                part.result(f"{found.url}; it goes on until: python -m local stop")
        return found

    def _set_up(self, cloud: Serving) -> dict[str, str]:
        stack = f"{self._config.name}-delivery"
        if deployment.outputs(cloud, deployment.BOOTSTRAP_STACK) is None:
            with self._terminal.part("cdk bootstrap"):
                deployment.bootstrap(cloud)
        found = deployment.outputs(cloud, stack)
        if found is None:
            with self._terminal.part("cdk deploy Delivery") as part:
                deployment.deploy_delivery(cloud)
                found = deployment.outputs(cloud, stack) or {}
                part.result(found.get("PipelineName", ""))
        if "PipelineName" not in found:
            raise DeliveryError(
                f"{stack} is deployed, but has no output PipelineName: cdk destroy Delivery first"
            )
        return found

    def _people(self, cloud: Serving, outputs: dict[str, str]) -> People:
        team = people.hired(cloud)
        if team is None or (team.approver is None and "ApproverPolicyArn" in outputs):
            team = people.hire(cloud, outputs)
        pushed_by(cloud.source, team.pusher)
        followed_by(cloud.source, ["-m", "local", "follow", "--folder", str(self._options.folder)], ROOT)
        return team

    def _approver(self, cloud: Serving) -> Session | None:
        outputs = deployment.outputs(cloud, f"{self._config.name}-delivery") or {}
        approver = self._people(cloud, outputs).approver
        return cloud.session(approver) if approver else None


def _delivery(config: Edgeline) -> Delivery:
    if config.delivery is None:
        raise DeliveryError("edgeline.toml has no [delivery]: nothing says where the code comes from")
    return config.delivery


def follow_commit(config: Edgeline, folder: Path, commit: str, terminal: Terminal) -> int:
    """Show what became of a commit that was pushed with git itself; approvals are left waiting."""
    cloud, team, outputs = delivered(config, folder)
    line = Line(
        config.name, outputs, cloud.session(team.onlooker), Approvals(lambda: None, left),
        terminal.say,
    )  # fmt: skip
    return line.follow(commit, None)


def delivered(config: Edgeline, folder: Path) -> tuple[Serving, People, dict[str, str]]:
    """Return the serving cloud, who delivers to it, and Delivery's outputs; DeliveryError without them."""
    cloud = serving.find(folder)
    if cloud is None:
        raise DeliveryError(f"no local cloud is served from {folder}: python -m local push starts one")
    team = people.hired(cloud)
    outputs = deployment.outputs(cloud, f"{config.name}-delivery")
    if team is None or outputs is None:
        raise DeliveryError("nothing has been delivered to this cloud yet: python -m local push")
    return cloud, team, outputs
