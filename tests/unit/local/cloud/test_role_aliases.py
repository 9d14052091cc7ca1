import pytest

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.cloud.plugin import ResourceContext
from local.cloud.role_aliases import RoleAliases, RoleAliasType

CALL = Call("000000000000", "eu-west-1", "arn:aws:iam::000000000000:root", "000000000000")
CONTEXT = ResourceContext(CALL, "edge", "Alias")


def described(aliases: RoleAliases, name: str) -> dict[str, object]:
    found: dict[str, object] = aliases.describe_role_alias(CALL, roleAlias=name)["roleAliasDescription"]
    return found


def test_alias_is_made_changed_and_removed() -> None:
    aliases = RoleAliases()
    kind = RoleAliasType(aliases)
    name, attributes = kind.create({"RoleAlias": "devices", "RoleArn": "arn:a"}, CONTEXT)
    assert (name, attributes["RoleAliasArn"]) == ("devices", CALL.arn("iot", "rolealias/devices"))
    kind.update(name, {}, {"RoleArn": "arn:b", "CredentialDurationSeconds": "900"}, CONTEXT)
    assert (described(aliases, name)["roleArn"], described(aliases, name)["credentialDurationSeconds"]) == (
        "arn:b",
        900,
    )
    kind.delete(name, {}, CONTEXT)
    kind.delete(name, {}, CONTEXT)
    with pytest.raises(AwsError, match="role alias devices does not exist"):
        described(aliases, name)


def test_new_name_makes_another_alias() -> None:
    aliases = RoleAliases()
    kind = RoleAliasType(aliases)
    kind.create({"RoleAlias": "old", "RoleArn": "arn:a"}, CONTEXT)
    name, _ = kind.update("old", {}, {"RoleAlias": "new", "RoleArn": "arn:a"}, CONTEXT)
    assert name == "new"
    assert aliases.list_role_aliases(CALL) == {"roleAliases": ["new", "old"]}


def test_alias_passes_its_role() -> None:
    aliases = RoleAliases()
    assert aliases.pass_roles("CreateRoleAlias", {"roleAlias": "a", "roleArn": "arn:a"}) == ["arn:a"]
    arns = aliases.resource_arns(CALL, "DescribeRoleAlias", {"roleAlias": "a"})
    assert arns == ["arn:aws:iot:eu-west-1:000000000000:rolealias/a"]
