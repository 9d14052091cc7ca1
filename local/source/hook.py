"""What git runs in a repository of the local cloud when it receives a push.

`python -m local.source.hook pre-receive|post-receive KIND REPOSITORY FOLDER`, with git's lines on standard
input. `FOLDER` is where the serving cloud has left its address and the keys of the person who pushes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from local.cloud.call import Credentials
from local.source import git
from local.source.asking import GONE, Refused, ask
from local.source.folder import ADDRESS, FOLLOWER, PUSHER, read

QUIET = "EDGELINE_PUSH_QUIET"  # set by who follows the pipeline himself


def main(arguments: Sequence[str]) -> int:
    """Run a hook; what it writes appears at who pushes, after "remote:"."""
    hook, kind, repository, folder = arguments
    updates = [line.split() for line in sys.stdin.read().splitlines()]
    asked: dict[str, Any] = {
        "kind": kind, "repository": repository,
        "updates": [{"old": old, "new": new, "reference": ref} for old, new, ref in updates],
    }  # fmt: skip
    try:
        _ask(Path(folder), hook, asked)
        if hook == "post-receive":
            pushed = [(new, ref) for _, new, ref in updates if new != git.NOTHING]
            if kind == "s3":
                for new, _ in pushed:
                    _upload(Path(folder), repository, new)
            return _follow(Path(folder), [new for new, _ in pushed])
    except (Refused, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _ask(folder: Path, hook: str, asked: dict[str, Any]) -> None:
    address, keys = read(folder / ADDRESS), read(folder / PUSHER)
    if not address or not keys:
        raise Refused(GONE)
    ask(address, Credentials(**keys), hook, asked)


def _upload(folder: Path, bucket: str, commit: str) -> None:
    """Upload the commit as source.zip, as whoever has only a bucket to push to does."""
    import boto3  # a second's worth of imports that the other kinds do not need
    from botocore.exceptions import BotoCoreError, ClientError

    address, keys = read(folder / ADDRESS), read(folder / PUSHER)
    s3 = boto3.client(
        "s3", endpoint_url=address["endpoint"], region_name=address["region"],
        aws_access_key_id=keys["access_key"], aws_secret_access_key=keys["secret_key"],
        aws_session_token=keys["session_token"] or None,
    )  # fmt: skip
    content = git.archive(Path.cwd(), commit)
    try:
        s3.put_object(Bucket=bucket, Key="source.zip", Body=content, Metadata={"commit": commit})
    except (BotoCoreError, ClientError) as error:
        raise Refused(f"source.zip was not uploaded to {bucket}: {error}") from error


def _follow(folder: Path, commits: Sequence[str]) -> int:
    """Show what the push started, until it ends; who pushes with `python -m local push` sees it there."""
    follower = read(folder / FOLLOWER)
    if os.environ.get(QUIET) or not follower:
        return 0
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment["COLUMNS"] = "200"
    for commit in commits:
        subprocess.run([*follower["command"], commit], cwd=follower["folder"], env=environment, check=False)
    return 0  # what git received it has received, whatever became of it


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
