"""Everything of the sources that one local cloud serves, put together."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from local.cloud.plugin import Plugin
from local.cloud.service import LocalService
from local.source.codecommit import CodeCommit
from local.source.connections import Connections
from local.source.folder import ADDRESS, FOLLOWER, PUSHER, write
from local.source.receiver import Receiver
from local.source.repositories import Repositories
from local.source.resource_types import ConnectionType, RepositoryType

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud


@dataclass(frozen=True, kw_only=True)
class SourcePlugin(Plugin):
    """What the local cloud serves, the repositories, the connections, and who pushes."""

    repositories: Repositories
    connections: Connections
    folder: Path


def plug(cloud: LocalCloud) -> SourcePlugin:
    """Serve CodeCommit and CodeConnections, and receive pushes to the repositories in `source/`."""
    folder = cloud.state_dir / "source"
    folder.mkdir(parents=True, exist_ok=True)
    repositories, connections = Repositories(folder), Connections()
    codecommit = CodeCommit(repositories)
    receiver = Receiver(cloud, repositories, codecommit, connections)
    address = {"url": receiver.url, "region": cloud.region, "endpoint": cloud.url}
    write(folder / ADDRESS, address)

    def close() -> None:
        receiver.close()
        for name in (ADDRESS, PUSHER, FOLLOWER):
            with suppress(FileNotFoundError):
                (folder / name).unlink()

    connection = ConnectionType(connections)
    return SourcePlugin(
        services={
            "codecommit": [LocalService("codecommit", codecommit)],
            "codeconnections": [LocalService("codeconnections", connections)],
            "codestar-connections": [LocalService("codestar-connections", connections)],
        },
        resource_types={
            "AWS::CodeCommit::Repository": RepositoryType(codecommit),
            "AWS::CodeConnections::Connection": connection,
            "AWS::CodeStarConnections::Connection": connection,
        },
        close=close,
        repositories=repositories,
        connections=connections,
        folder=folder,
    )
