"""CloudFormation types that ministack lacks: users of a pool, their groups, the look of the sign-in page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from local.cloud.errors import AwsError
from local.cloud.plugin import Attributes, Properties, ResourceContext, ResourceType

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud

_GONE = ("ResourceNotFoundException", "UserNotFoundException")
_PASSED_ON = ("Username", "UserAttributes", "ValidationData", "MessageAction", "DesiredDeliveryMediums")


def resource_types(cloud: LocalCloud) -> dict[str, ResourceType]:
    """Return the types by name."""
    return {
        "AWS::Cognito::UserPoolUser": UserType(cloud),
        "AWS::Cognito::UserPoolUserToGroupAttachment": MembershipType(cloud),
        "AWS::Cognito::ManagedLoginBranding": BrandingType(),
    }


class UserType:
    """A user without a password, as a template makes one; `Ref` gives the name."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud

    def create(self, properties: Properties, context: ResourceContext) -> tuple[str, Attributes]:
        """Make the user; no message is sent, so the template must ask for none."""
        given = {name: properties[name] for name in _PASSED_ON if name in properties}
        made = _client(self._cloud).admin_create_user(UserPoolId=properties["UserPoolId"], **given)
        return str(made["User"]["Username"]), {}

    def update(
        self, physical_id: str, old: Properties, new: Properties, context: ResourceContext
    ) -> tuple[str, Attributes]:
        """Make the user anew: all of it is fixed when it is made."""
        self.delete(physical_id, old, context)
        return self.create(new, context)

    def delete(self, physical_id: str, properties: Properties, context: ResourceContext) -> None:
        """Remove the user."""
        with _gone_already():
            _client(self._cloud).admin_delete_user(UserPoolId=properties["UserPoolId"], Username=physical_id)


class MembershipType:
    """A user in a group."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud

    def create(self, properties: Properties, context: ResourceContext) -> tuple[str, Attributes]:
        """Add the user to the group."""
        _client(self._cloud).admin_add_user_to_group(**_membership(properties))
        return context.physical_name(128), {}

    def update(
        self, physical_id: str, old: Properties, new: Properties, context: ResourceContext
    ) -> tuple[str, Attributes]:
        """Take the user out of the one group and into the other."""
        self.delete(physical_id, old, context)
        return self.create(new, context)[0], {}

    def delete(self, physical_id: str, properties: Properties, context: ResourceContext) -> None:
        """Take the user out of the group."""
        with _gone_already():
            _client(self._cloud).admin_remove_user_from_group(**_membership(properties))


class BrandingType:
    """The look of the sign-in page: Cognito's own, or none; the local page has but one."""

    def create(self, properties: Properties, context: ResourceContext) -> tuple[str, Attributes]:
        """Take what changes nothing, refuse the rest."""
        if str(properties.get("UseCognitoProvidedValues", "")).lower() != "true":
            raise AwsError(
                "UnsupportedOperation",
                "AWS::Cognito::ManagedLoginBranding: the local cloud serves only UseCognitoProvidedValues",
                501,
            )
        branding = context.physical_name(128)
        return f"{properties['UserPoolId']}|{branding}", {"ManagedLoginBrandingId": branding}

    def update(
        self, physical_id: str, old: Properties, new: Properties, context: ResourceContext
    ) -> tuple[str, Attributes]:
        """Check it again."""
        return physical_id, self.create(new, context)[1]

    def delete(self, physical_id: str, properties: Properties, context: ResourceContext) -> None:
        """Nothing is kept of it."""


def _client(cloud: LocalCloud) -> Any:
    return cloud.root_session().client("cognito-idp")


def _membership(properties: Properties) -> dict[str, str]:
    return {name: properties[name] for name in ("UserPoolId", "Username", "GroupName")}


@contextmanager
def _gone_already() -> Iterator[None]:
    """Let what is gone be gone."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] not in _GONE:
            raise
