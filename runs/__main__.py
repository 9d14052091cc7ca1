"""Start the training of a model and follow it, from any terminal: a laptop's, or that of Studio.

python -m runs start --api URL --model tags [--seed 3] [--as-of 2026-11-21T12:00:00Z] [--wait]
python -m runs follow --api URL --model tags RUN
python -m runs list --api URL --model tags

URL is the Training stack's output RunsApiUrl, or is said once in RUNS_API_URL. The credentials are those of
the AWS command line; they need the policy of the output RunStarterPolicyArn. Exit code 0: started, or ended
well; 1: the run ended otherwise; 2: refused.
"""

import argparse
import os
import sys
import uuid
from collections.abc import Sequence
from typing import Any

import botocore.session
from botocore.exceptions import BotoCoreError

from runs.following import follow, outcome
from runs.signed_api import ApiError, NotAsked, RunsApi

_ENDED_WELL, _ENDED_BADLY, _REFUSED, _INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says; the exit code."""
    options = parse(arguments)
    session = botocore.session.get_session()
    try:
        region = os.environ.get("AWS_REGION") or session.get_config_variable("region")
        api = RunsApi(options.api, session, region, say=lambda words: print(words, file=sys.stderr))
        return int(options.do(api, options))
    except (ApiError, BotoCoreError) as error:
        print(f"error: {error}", file=sys.stderr)
        return _REFUSED


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m runs", description="Trainings of models")
    commands = parser.add_subparsers(required=True, metavar="start | follow | list")
    start = _command(commands, "start", "start a training", _start)
    start.add_argument("--seed", type=int, help="of the training and of the split")
    start.add_argument("--as-of", help="data up to this time, like 2026-11-21T12:00:00Z")
    start.add_argument("--labels-manifest", help="s3 URI of labels to wait for (detection)")
    start.add_argument("--dataset-manifest", help="s3 URI of a data set to train on again")
    start.add_argument(
        "--children", type=_children, help="a parent's: packages to route to, flowers=3,trees=12"
    )
    start.add_argument("--key", default="", help="the same key again is the same run; by default a new one")
    start.add_argument("--wait", action="store_true", help="follow the run to its end")
    followed = _command(commands, "follow", "follow a run to its end", _follow)
    followed.add_argument("run", help="what `start` and `list` print")
    listed = _command(commands, "list", "the newest runs", _list)
    listed.add_argument("--limit", type=int, default=5, help="how many, 1 to 20")
    options = parser.parse_args(arguments)
    if not options.api:
        parser.error("--api: where is the runs API? The Training stack's output RunsApiUrl says")
    return options


def _command(commands: Any, name: str, words: str, do: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=words)
    parser.add_argument("--api", default=os.environ.get("RUNS_API_URL"), help="by default RUNS_API_URL")
    parser.add_argument("--model", required=True, help="one of edgeline.toml")
    parser.set_defaults(do=do)
    return parser


def _start(api: RunsApi, options: argparse.Namespace) -> int:
    asked = {
        name: value
        for name in ("seed", "as_of", "labels_manifest", "dataset_manifest", "children")
        if (value := getattr(options, name)) is not None
    }
    key = options.key or uuid.uuid4().hex
    try:
        options.run = api.start(options.model, asked, key)["run"]
    except ApiError as error:
        if isinstance(error, NotAsked) or 400 <= error.status < 500:
            raise
        words = f"{error}; whether it has started tells the same command with --key {key}"
        raise ApiError(error.status, words) from None
    print(f"run {options.run}")
    return _follow(api, options) if options.wait else _ENDED_WELL


def _follow(api: RunsApi, options: argparse.Namespace) -> int:
    try:
        ended = follow(lambda: api.run(options.model, options.run), lambda line: print(line, flush=True))
    except KeyboardInterrupt:
        print(f"the run goes on; python -m runs follow --model {options.model} {options.run}")
        return _INTERRUPTED
    print(outcome(ended))
    return _ENDED_WELL if ended["status"] == "succeeded" else _ENDED_BADLY


def _list(api: RunsApi, options: argparse.Namespace) -> int:
    for found in api.newest(options.model, options.limit):
        print(
            f"{found['started_at']}  {found['run']}  {found['status']}  {found['started_by'] or ''}".rstrip()
        )
    return _ENDED_WELL


def _children(text: str) -> dict[str, int]:
    pairs = [part.partition("=") for part in text.split(",")]
    if not all(child and version.isdecimal() for child, _, version in pairs):
        raise argparse.ArgumentTypeError(f"{text!r} is not like flowers=3,trees=12")
    return {child: int(version) for child, _, version in pairs}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
