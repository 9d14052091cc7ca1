"""What a build reaches in the name of its role, and nothing beyond that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from local.cloud.call import Call
from local.cloud.errors import AwsError
from local.codebuild.phase_error import PhaseError

if TYPE_CHECKING:
    from local.cloud.server import LocalCloud

SERVICE = "codebuild.amazonaws.com"
_CREDENTIALS_SECONDS = 7 * 86_400  # CodeBuild renews them; here they last longer than any build
GitArchive = Callable[[str, str], tuple[bytes, str]]  # repository, branch or commit -> zip, commit id


class RoleAccess:
    """A session of a build's service role; raises PhaseError where the role does not trust CodeBuild."""

    def __init__(self, cloud: LocalCloud, build: Mapping[str, Any]) -> None:
        project = build["arn"].partition(":build/")[0] + f":project/{build['projectName']}"
        session_name = f"AWSCodeBuild-{build['id'].rpartition(':')[2]}"
        try:
            self._credentials = cloud.service_credentials(
                build["serviceRole"], SERVICE, session_name,
                lifetime_seconds=_CREDENTIALS_SECONDS, context={"aws:SourceArn": project},
            )  # fmt: skip
        except AwsError as error:
            raise PhaseError("ACCESS_DENIED", f"CodeBuild cannot use its role: {error.message}") from error
        self._cloud = cloud
        self._session = cloud.session(self._credentials)

    @property
    def call(self) -> Call:
        """The role as the caller of an API."""
        credentials = self._credentials
        return Call(
            self._cloud.account, self._cloud.region, credentials.principal_arn, credentials.access_key
        )

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make a command this role."""
        return self._cloud.environment(self._credentials)

    @property
    def secrets(self) -> list[str]:
        """What no log may show."""
        return [self._credentials.access_key, self._credentials.secret_key, self._credentials.session_token]

    def client(self, service: str) -> Any:
        """Return a boto3 client of the role."""
        return self._session.client(service)

    def require(self, action: str, resource: str) -> None:
        """Raise AwsError AccessDeniedException unless the role may do `action` on `resource`."""
        self._cloud.require(self.call, action, resource)

    def git(self, archive: GitArchive) -> GitArchive:
        """Let the role fetch from CodeCommit what it may pull; PhaseError otherwise."""

        def checked(repository: str, version: str) -> tuple[bytes, str]:
            try:
                self.require("codecommit:GitPull", self.call.arn("codecommit", repository))
            except AwsError as error:
                raise PhaseError("CLIENT_ERROR", error.message) from error
            return archive(repository, version)

        return checked
