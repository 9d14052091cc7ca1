"""CloudFormation's AWS::CodeCommit::Repository and AWS::CodeConnections::Connection."""

from __future__ import annotations

from typing import Any

from local.cloud.errors import AwsError
from local.cloud.plugin import Attributes, Properties, ResourceContext
from local.source.codecommit import CodeCommit
from local.source.connections import Connections


class RepositoryType:
    """`Ref` is the repository's id. Another name is another repository, where AWS keeps the commits."""

    def __init__(self, service: CodeCommit) -> None:
        self._service = service

    def create(self, properties: Properties, context: ResourceContext) -> tuple[str, Attributes]:
        """Make an empty repository."""
        name = _repository_name(properties)
        made = self._service.create_repository(
            context.call, repositoryName=name, repositoryDescription=properties.get("RepositoryDescription")
        )
        return _known(made["repositoryMetadata"])

    def update(
        self, physical_id: str, old: Properties, new: Properties, context: ResourceContext
    ) -> tuple[str, Attributes]:
        """Change nothing but tags and the description, which nobody here reads."""
        if _repository_name(new) != old["RepositoryName"]:
            raise AwsError("ValidationException", "the local CodeCommit does not rename a repository")
        found = self._service.get_repository(context.call, repositoryName=new["RepositoryName"])
        return _known(found["repositoryMetadata"])

    def delete(self, physical_id: str, properties: Properties, context: ResourceContext) -> None:
        """Remove the repository with its commits."""
        self._service.delete_repository(context.call, repositoryName=properties["RepositoryName"])


class ConnectionType:
    """`Ref` is the connection's ARN; like on AWS it is PENDING until a person authorises it."""

    def __init__(self, service: Connections) -> None:
        self._service = service

    def create(self, properties: Properties, context: ResourceContext) -> tuple[str, Attributes]:
        """Make the connection."""
        given = {name: properties[name] for name in properties if name != "Tags"}
        arn = self._service.create_connection(context.call, **given)["ConnectionArn"]
        return arn, self._attributes(arn)

    def update(
        self, physical_id: str, old: Properties, new: Properties, context: ResourceContext
    ) -> tuple[str, Attributes]:
        """Replace the connection unless only its tags change."""
        if {**old, "Tags": None} != {**new, "Tags": None}:
            return self.create(new, context)
        return physical_id, self._attributes(physical_id)

    def delete(self, physical_id: str, properties: Properties, context: ResourceContext) -> None:
        """Remove the connection; one that is gone already is no error."""
        try:
            self._service.delete_connection(context.call, ConnectionArn=physical_id)
        except AwsError as error:
            if error.code != "ResourceNotFoundException":
                raise

    def _attributes(self, arn: str) -> Attributes:
        found = self._service.find(arn)
        return {"ConnectionArn": arn, "ConnectionStatus": found.status, "OwnerAccountId": found.owner}


def _repository_name(properties: Properties) -> str:
    unserved = set(properties) - {"RepositoryName", "RepositoryDescription", "Tags"}
    if unserved:
        raise AwsError("ValidationException", f"the local CodeCommit does not serve {sorted(unserved)}")
    return str(properties["RepositoryName"])


def _known(metadata: dict[str, Any]) -> tuple[str, Attributes]:
    return metadata["repositoryId"], {
        "Arn": metadata["Arn"],
        "CloneUrlHttp": metadata["cloneUrlHttp"],
        "CloneUrlSsh": metadata["cloneUrlSsh"],
        "Name": metadata["repositoryName"],
    }
