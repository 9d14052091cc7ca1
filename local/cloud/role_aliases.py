"""IoT role aliases, which ministack lacks: the API's operations on them, and their CloudFormation type."""

from __future__ import annotations

import threading
from typing import Any

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.cloud.plugin import Attributes, Properties, ResourceContext
from local.cloud.service import Parameters

_DEFAULT_SECONDS = 3600


class RoleAliases:
    """The operations of `iot` on role aliases."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._aliases: dict[str, dict[str, Any]] = {}

    def create_role_alias(
        self, call: Call, *, roleAlias: str, roleArn: str,  # noqa: N803 - the API's names
        credentialDurationSeconds: int = _DEFAULT_SECONDS, tags: Any = None,  # noqa: N803
    ) -> Parameters:  # fmt: skip
        """Name a role for devices."""
        arn = call.arn("iot", f"rolealias/{roleAlias}")
        with self._lock:
            if roleAlias in self._aliases:
                raise AwsError("ResourceAlreadyExistsException", f"role alias {roleAlias} exists", 409)
            self._aliases[roleAlias] = {
                "roleAlias": roleAlias, "roleAliasArn": arn, "roleArn": roleArn, "owner": call.account,
                "credentialDurationSeconds": credentialDurationSeconds,
            }  # fmt: skip
        return {"roleAlias": roleAlias, "roleAliasArn": arn}

    def update_role_alias(self, call: Call, *, roleAlias: str, **changes: Any) -> Parameters:  # noqa: N803
        """Change the role or the duration."""
        record = self._find(roleAlias)
        record.update(changes)
        return {"roleAlias": roleAlias, "roleAliasArn": record["roleAliasArn"]}

    def describe_role_alias(self, call: Call, *, roleAlias: str) -> Parameters:  # noqa: N803
        """Return what the alias stands for."""
        return {"roleAliasDescription": dict(self._find(roleAlias))}

    def list_role_aliases(self, call: Call, **_: Any) -> Parameters:
        """Return the names of all aliases."""
        return {"roleAliases": sorted(self._aliases)}

    def delete_role_alias(self, call: Call, *, roleAlias: str) -> None:  # noqa: N803
        """Remove the alias."""
        self._find(roleAlias)
        del self._aliases[roleAlias]

    def resource_arns(self, call: Call, operation: str, parameters: Parameters) -> list[str]:
        """Return the alias that the call names."""
        name = parameters.get("roleAlias")
        return [call.arn("iot", f"rolealias/{name}") if name else "*"]

    def pass_roles(self, operation: str, parameters: Parameters) -> list[str]:
        """Return the role that devices are going to get."""
        return [parameters["roleArn"]] if "roleArn" in parameters else []

    def _find(self, name: str) -> dict[str, Any]:
        try:
            return self._aliases[name]
        except KeyError:
            raise AwsError("ResourceNotFoundException", f"role alias {name} does not exist", 404) from None


class RoleAliasType:
    """AWS::IoT::RoleAlias."""

    def __init__(self, aliases: RoleAliases) -> None:
        self._aliases = aliases

    def create(self, properties: Properties, context: ResourceContext) -> tuple[str, Attributes]:
        """Name the role."""
        name = properties.get("RoleAlias") or context.physical_name(128)
        made = self._aliases.create_role_alias(
            context.call, roleAlias=name, roleArn=properties["RoleArn"],
            credentialDurationSeconds=int(properties.get("CredentialDurationSeconds", _DEFAULT_SECONDS)),
        )  # fmt: skip
        return name, {"RoleAliasArn": made["roleAliasArn"]}

    def update(
        self, physical_id: str, old: Properties, new: Properties, context: ResourceContext
    ) -> tuple[str, Attributes]:
        """Change it, or make another when its name changes."""
        if new.get("RoleAlias", physical_id) != physical_id:
            return self.create(new, context)
        made = self._aliases.update_role_alias(
            context.call, roleAlias=physical_id, roleArn=new["RoleArn"],
            credentialDurationSeconds=int(new.get("CredentialDurationSeconds", _DEFAULT_SECONDS)),
        )  # fmt: skip
        return physical_id, {"RoleAliasArn": made["roleAliasArn"]}

    def delete(self, physical_id: str, properties: Properties, context: ResourceContext) -> None:
        """Remove it."""
        if physical_id in self._aliases.list_role_aliases(context.call)["roleAliases"]:
            self._aliases.delete_role_alias(context.call, roleAlias=physical_id)
