"""The local AWS: starts, serves on a free port, stops."""

from __future__ import annotations

import copy
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from local.cloud import cloudformation, ministack_events, ministack_functions, ministack_templates, user_pools
from local.cloud.aws_session import aws_session, session_variables
from local.cloud.browser_door import BrowserDoor
from local.cloud.budgets import BudgetType
from local.cloud.call import Call, Credentials
from local.cloud.call_log import CallLog
from local.cloud.errors import AwsError, LocalCloudError
from local.cloud.events import Deliveries
from local.cloud.fronts import Fronts
from local.cloud.gateway import Gateway, read_signature
from local.cloud.http_server import HttpServer
from local.cloud.iam import Iam, user_keys
from local.cloud.ministack import Ministack
from local.cloud.ministack_accounts import account_of_arn, request_account
from local.cloud.plugin import Plugin, ResourceType, policy_of, services_of
from local.cloud.process_environment import (
    ROOT_SECRET,
    ProcessEnvironment,
    emulator_variables,
    fresh_folders,
)
from local.cloud.role_aliases import RoleAliases, RoleAliasType
from local.cloud.service import LocalService, Request
from local.cloud.sign_in import SignIn
from local.cloud.stepfunctions import Tasks

PluginFactory = Callable[["LocalCloud"], Plugin]

_Kind = TypeVar("_Kind", bound=Plugin)

_started = threading.Lock()


class LocalCloud:
    """AWS on this machine, in one region, as one account sees it; a context manager, once per process.

    IAM is enforced from the start. What is kept lies under `state_dir` and in memory; nothing survives the
    process. The endpoint is on the loopback interface, on a port that the system chose; its requests count as
    TLS.

    `accounts` are accounts beside `account`. Once started, `cloud.accounts[number]` is the same cloud as that
    account sees it: its root, its plugins, its events.
    """

    def __init__(
        self, state_dir: Path, *, account: str = "000000000000", accounts: Sequence[str] = (),
        region: str = "eu-west-1", plugins: Sequence[PluginFactory] = (),
    ) -> None:  # fmt: skip
        self.state_dir = state_dir.resolve()
        self.account = account
        self.region = region
        self.url = ""
        self.calls = CallLog()
        self.plugins: list[Plugin] = []
        self.role_aliases = RoleAliases()
        self.accounts: dict[str, LocalCloud] = {account: self}
        self._others = [number for number in accounts if number != account]
        self._factories = plugins
        self._closing = ExitStack()
        self._server: HttpServer | None = None
        self._environment = ProcessEnvironment()

    def __enter__(self) -> Self:
        """Start to serve."""
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, whatever happened."""
        self.stop()

    def start(self) -> None:
        """Start to serve; LocalCloudError when the emulator is not the one this is written for."""
        if not _started.acquire(blocking=False):
            raise LocalCloudError("a process can start one local cloud only: start a second process")
        self._closing.callback(self._environment.restore)
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        fresh_folders(self.state_dir)
        variables = emulator_variables(
            port=port, account=self.account, region=self.region, state_dir=self.state_dir
        )
        self._environment.keep(variables)
        self._ministack = Ministack(variables)
        self._iam = Iam(self._ministack, self.calls)
        self._closing.callback(self._stop_serving)
        self._closing.callback(Deliveries(self._ministack, self._iam, self.session).close)
        self.accounts |= {number: self._seen_from(number) for number in self._others}
        for cloud in self.accounts.values():
            cloud._plug_in()
        self._connect()
        services = {number: cloud._services for number, cloud in self.accounts.items()}
        gateway = Gateway(self._ministack, self._iam, services)
        fronts = Fronts(self._ministack.distributions, SignIn())
        door = BrowserDoor(self.url, self.region, gateway=gateway, front=fronts)
        self._server = HttpServer(door, listener)
        self._server.start()

    def _seen_from(self, account: str) -> LocalCloud:
        """Return the cloud as another account sees it."""
        seen = copy.copy(self)
        seen.account, seen.state_dir = account, self.state_dir / "accounts" / account
        seen.plugins, seen.role_aliases = [], RoleAliases()
        return seen

    def _plug_in(self) -> None:
        for factory in self._factories:
            plugin = factory(self)
            self.plugins.append(plugin)
            self._closing.callback(plugin.close)

    def stop(self) -> None:
        """Stop the plugins, latest first, then the functions and the endpoint, each even if another fails."""
        self._closing.close()

    @property
    def root(self) -> Credentials:
        """The keys of the account's root."""
        return Credentials(self.account, ROOT_SECRET, "", f"arn:aws:iam::{self.account}:root")

    def root_session(self, account: str | None = None) -> Any:
        """Return a boto3 session of the root of this account, or of another: for the deployment only."""
        number = account or self.account
        if number not in self.accounts:
            known = ", ".join(self.accounts)
            raise LocalCloudError(f"the local cloud has the accounts {known}: start it with {number} too")
        return self.session(self.accounts[number].root)

    def plugin(self, kind: type[_Kind]) -> _Kind:
        """Return the account's plugin of this kind; LocalCloudError where the cloud has none."""
        for plugin in self.plugins:
            if isinstance(plugin, kind):
                return plugin
        raise LocalCloudError(f"the local cloud was started without a {kind.__name__}")

    def service_session(self, service: str, actions: Sequence[str]) -> Any:
        """Return a boto3 session of an AWS service ("greengrass.amazonaws.com") acting in its own name.

        It may do `actions` and nothing else. Where AWS uses a role or the caller's rights, its
        double does so too, with `service_credentials` and `require`.
        """
        return self.session(self._iam.service_session(self.account, service, actions))

    def session(self, credentials: Credentials) -> Any:
        """Return a boto3 session of a principal."""
        return aws_session(credentials, self.region)

    def user(self, name: str, policy_arns: Sequence[str]) -> Credentials:
        """Return keys of the IAM user `name`, who has these managed policies and no others."""
        return user_keys(self.root_session().client("iam"), name, policy_arns)

    def service_credentials(
        self, role_arn: str, service: str, session_name: str, *, lifetime_seconds: int = 3600,
        context: Mapping[str, Any] | None = None, policy: Mapping[str, Any] | None = None,
    ) -> Credentials:  # fmt: skip
        """Assume a role as an AWS service does; AwsError AccessDenied when the role does not trust it.

        `policy` limits the session to what it allows too.
        """
        return self._iam.service_credentials(
            role_arn, service, session_name, lifetime_seconds, context, policy
        )

    def require(
        self, call: Call, action: str, resource: str, context: Mapping[str, Any] | None = None
    ) -> None:
        """Raise AwsError AccessDeniedException unless the caller's policies allow `action` on `resource`.

        `context` holds condition keys of the call, `iam:PassedToService` for instance.
        """
        self._ministack.enforce(call.access_key, action, call.region, resource, context)

    def require_signed(
        self, request: Request, action: str, resource: str, context: Mapping[str, Any]
    ) -> str:  # fmt: skip
        """Return who signed a request that comes in another way than through the endpoint.

        AwsError unless its signature is right and the signer's policies allow `action` on `resource`.
        """
        signature = read_signature(request.headers, "")
        if signature is None:
            raise AwsError("AccessDeniedException", f"{action}: the request is not signed", 403)
        headers = [(name.encode(), value.encode()) for name, value in request.headers.items()]
        with self._ministack.request(
            method=request.method, raw_path=request.path, query=request.query, headers=headers,
            body=request.body, region=signature.region, access_key=signature.access_key,
        ):  # fmt: skip
            self._ministack.enforce(signature.access_key, action, self.region, resource, context)
            return self._ministack.identity(signature.access_key).arn

    def environment(self, credentials: Credentials) -> dict[str, str]:
        """Return the variables that make a child process this principal, its endpoint this cloud."""
        return session_variables(credentials, self.region, self.url)

    def emit(
        self, source: str, detail_type: str, detail: Mapping[str, Any], resources: Sequence[str] = ()
    ) -> None:
        """Put an event of an AWS service ("aws.sagemaker") on the default event bus."""
        ministack_events.emit(self.account, self.region, source, detail_type, detail, resources)

    @property
    def deployer(self) -> Call:
        """The principal that deployments run as."""
        return Call(self.account, self.region, self.root.principal_arn, self.root.access_key)

    @property
    def _services(self) -> dict[str, list[LocalService]]:
        return services_of(self.plugins, {"iot": [LocalService("iot", self.role_aliases)]})

    def _types(self) -> cloudformation.AccountTypes:
        types: dict[str, ResourceType] = {
            "AWS::Budgets::Budget": BudgetType(self),
            "AWS::IoT::RoleAlias": RoleAliasType(self.role_aliases),
            **user_pools.resource_types(self),
        }
        for plugin in self.plugins:
            types.update(plugin.resource_types)
        return cloudformation.AccountTypes(types, self.deployer)

    def _policy(self, service: str, arn: str) -> str | None:
        owner = self.accounts.get(account_of_arn(arn) or "")
        return policy_of(owner.plugins, service, arn) if owner else None

    def _connect(self) -> None:
        types = {number: cloud._types() for number, cloud in self.accounts.items()}
        ministack_templates.add_resource_types(cloudformation.handlers(types, request_account))
        self._ministack.on_resource_policy(self._policy)
        # The jobs are the same in all accounts: a task calls the service as the role of its machine.
        jobs = [job for plugin in self.plugins for job in plugin.sync_jobs]
        self._ministack.machines.on_task(Tasks(self.service_credentials, self.session, jobs).perform)

    def _stop_serving(self) -> None:
        ministack_functions.stop()
        if self._server:
            self._server.stop()
