"""The commands serve, push, follow, status, invite and stop of `python -m local`."""

from __future__ import annotations

import argparse
import os

from botocore.exceptions import BotoCoreError, ClientError

from config import Edgeline
from config_table import ConfigError
from local.cloud.errors import AwsError, LocalCloudError
from local.delivery.errors import DeliveryError
from local.demo.progress import Terminal
from local.demo.synthesis import ROOT
from local.source.asking import Refused

_PROBLEMS = (
    AwsError, BotoCoreError, ClientError, ConfigError, DeliveryError, LocalCloudError, OSError, Refused,
)  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Run one of the commands; what goes wrong is one line."""
    terminal = Terminal()
    # A profile of the person's own account has no say here, and need not exist on this machine.
    os.environ.pop("AWS_PROFILE", None)
    try:
        return _run(options, terminal)
    except _PROBLEMS as error:
        terminal.say(str(error), style="bold red")
        return 1


def _run(options: argparse.Namespace, terminal: Terminal) -> int:
    from local.delivery import approvals, page, push, serve, serving, status

    folder = options.folder.resolve()
    if options.command == "stop":
        ended = serving.stop(folder)
        terminal.say("Stopped; nothing is left running." if ended else f"Nothing is served from {folder}.")
        return 0
    config = Edgeline.read(ROOT / "edgeline.toml")
    if options.command == "serve":
        return serve.serve(folder, config, terminal)
    if options.command == "status":
        return status.status(config, folder, terminal)
    if options.command == "invite":
        return page.invite(config, folder, options.name, options.groups, terminal)
    if options.command == "follow":
        return push.follow_commit(config, folder, options.commit, terminal)
    asked = push.Options(folder, options.branch, options.stop_after)
    decide = approvals.given if options.approve else approvals.asked(terminal.say)
    return push.Push(config, asked, decide, terminal).run()
