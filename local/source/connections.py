# ruff: noqa: N803 - parameters are named as AWS names them
"""CodeConnections: who may use a connection to a git provider, and whether a person has authorised it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.cloud.call import Call
from local.cloud.errors import AwsError


@dataclass
class Connection:
    """A connection; PENDING until a person has authorised it at the provider."""

    arn: str
    name: str
    provider: str
    owner: str
    status: str = "PENDING"


class Connections:
    """The connections of the account, under either name of the service."""

    def __init__(self) -> None:
        self._known: dict[str, Connection] = {}

    def resource_arns(self, call: Call, operation: str, parameters: Mapping[str, Any]) -> list[str]:
        """Give the connection that IAM checks a call against."""
        return [parameters.get("ConnectionArn", "*")]

    def add(self, connection: Connection) -> None:
        """Make a connection known that is not made by a template: one that is used exists before."""
        self._known[connection.arn] = connection

    def authorise(self, arn: str) -> None:
        """Do what a person does once, in the console: authorise the connection at the provider."""
        self.find(arn).status = "AVAILABLE"

    def find(self, arn: str) -> Connection:
        """Return a connection; AwsError when there is none."""
        if arn not in self._known:
            raise AwsError("ResourceNotFoundException", f"Connection {arn} not found")
        return self._known[arn]

    def create_connection(
        self, call: Call, ConnectionName: str, ProviderType: str | None = None, **more: Any
    ) -> dict[str, Any]:
        """Make a connection, which is of no use until a person has authorised it."""
        if more.get("HostArn") or not ProviderType:
            raise AwsError("InvalidInputException", "the local CodeConnections serves no hosts")
        arn = call.arn("codeconnections", f"connection/{uuid.uuid4()}")
        self.add(Connection(arn, ConnectionName, ProviderType, call.account))
        return {"ConnectionArn": arn}

    def get_connection(self, call: Call, ConnectionArn: str) -> dict[str, Any]:
        """Describe a connection."""
        return {"Connection": _described(self.find(ConnectionArn))}

    def list_connections(self, call: Call, **only: Any) -> dict[str, Any]:
        """List the connections."""
        wanted = only.get("ProviderTypeFilter")
        found = [one for one in self._known.values() if wanted in (None, one.provider)]
        return {"Connections": [_described(one) for one in found]}

    def delete_connection(self, call: Call, ConnectionArn: str) -> dict[str, Any]:
        """Remove a connection."""
        self.find(ConnectionArn)
        del self._known[ConnectionArn]
        return {}


def _described(connection: Connection) -> dict[str, Any]:
    return {
        "ConnectionArn": connection.arn,
        "ConnectionName": connection.name,
        "ConnectionStatus": connection.status,
        "OwnerAccountId": connection.owner,
        "ProviderType": connection.provider,
    }
