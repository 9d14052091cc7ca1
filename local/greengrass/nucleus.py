"""`python -m local.greengrass.nucleus`: a core device. Fetches deployments, runs components, reports.

Behaves as the classic nucleus: a failed deployment goes back to what ran before, where its policy says so.
"""

import argparse
import base64
import json
import os
import platform
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.greengrass.connection import Connection, Offline, Refused
from local.greengrass.installation import NotInstalled, Packages
from local.greengrass.ipc import Client, IpcServer
from local.greengrass.lifecycle import Component
from local.greengrass.recipe import Recipe, merge, parse_recipe, reset
from local.greengrass.resolution import PROVIDED
from local.greengrass.token_exchange import TokenExchange

Document = dict[str, Any]

NUCLEUS_VERSION = "2.14.0"
_TICK_SECONDS = 0.1
_POLL_SECONDS = 0.5
_LONGEST_SOCKET_PATH = 100
_TOKEN_EXCHANGE = "aws.greengrass.TokenExchangeService"  # noqa: S105 - a component's name


class DeploymentFailed(Exception):  # noqa: N818 - the name that callers read
    """Why a deployment failed, with the codes of an effective deployment."""

    def __init__(self, reason: str, stack: Sequence[str], types: Sequence[str], *, changed: bool) -> None:
        super().__init__(reason)
        self.stack = ["DEPLOYMENT_FAILURE", *stack]
        self.types = list(types)
        self.changed = changed


@dataclass(frozen=True)
class Identity:
    """Which device this is and where its things lie."""

    thing: str
    role_alias: str
    root: Path
    region: str
    endpoint: str | None


@dataclass(frozen=True)
class Plan:
    """What is to run: recipes in the order of their dependencies, and the configuration of each."""

    recipes: tuple[Recipe, ...]
    roots: frozenset[str]
    configurations: Mapping[str, Document]
    groups: Mapping[str, Document]

    def to_json(self) -> Document:
        """Return what is kept on the disk, so that a restart needs no cloud."""
        return {
            "recipes": [recipe.document for recipe in self.recipes],
            "roots": sorted(self.roots),
            "configurations": self.configurations,
            "groups": self.groups,
        }

    @classmethod
    def from_json(cls, document: Document) -> "Plan":
        """Read what `to_json` gave."""
        return cls(
            recipes=tuple(parse_recipe(json.dumps(recipe)) for recipe in document["recipes"]),
            roots=frozenset(document["roots"]),
            configurations=document["configurations"],
            groups=document["groups"],
        )


NOTHING = Plan((), frozenset(), {}, {})


class Nucleus:
    """Everything that a core device does, on one thread; IPC and token exchange serve on others."""

    def __init__(self, identity: Identity, connection: Connection, *, settle_seconds: float) -> None:
        self._identity = identity
        self._connection = connection
        self._settle_seconds = settle_seconds
        self._packages = Packages(identity.root)
        self._components: dict[str, Component] = {}
        self._stop = threading.Event()
        self._plan = NOTHING
        self._last_deployment: Document = {}
        self._ipc_directory = _short_directory(identity.root)
        self._ipc = IpcServer(self._ipc_directory / "ipc.socket", self._component_with_token, self._publish)
        self._tokens = TokenExchange(
            connection, identity.role_alias, lambda token: self._component_with_token(token) is not None
        )
        (identity.root / "logs").mkdir(parents=True, exist_ok=True)

    def stop(self) -> None:
        """Leave the loop."""
        self._stop.set()

    def run(self) -> None:
        """Work until stopped, then end every component."""
        try:
            self._resume()
            poll_at = 0.0
            while not self._stop.is_set():
                self._advance()
                if time.monotonic() >= poll_at:
                    self._poll()
                    poll_at = time.monotonic() + _POLL_SECONDS
                self._stop.wait(_TICK_SECONDS)
        finally:
            for component in reversed(list(self._components.values())):
                component.stop()
            self._write_status("STOPPED")
            self._tokens.close()
            self._ipc.close()
            shutil.rmtree(self._ipc_directory, ignore_errors=True)

    # ---- the cloud

    def _poll(self) -> None:
        self._write_status("RUNNING")
        try:
            answer = self._connection.ask(
                "poll",
                {
                    "platform": "linux",
                    "architecture": platform.machine(),
                    "nucleusVersion": NUCLEUS_VERSION,
                    "status": "UNHEALTHY" if self._broken() else "HEALTHY",
                    "installed": self._installed(),
                },
            )
        except Offline:
            return  # a device works on without the cloud
        except Refused as error:
            self._log(f"the cloud refuses this device: {error}")
            return
        if answer["deployment"]:
            self._deploy(answer["deployment"], answer["targets"])

    def _deploy(self, deployment: Document, targets: Sequence[str]) -> None:
        name = deployment["deploymentId"]
        self._log(f"deployment {name} to {deployment['targetArn']}")
        self._report(name, "IN_PROGRESS", {})
        before = self._plan
        try:
            plan = self._prepare(deployment, targets)
            self._change_to(plan, deployment.get("policies", {}))
        except DeploymentFailed as error:
            self._log(f"deployment {name} failed: {error}")
            outcome = self._roll_back(before, deployment) if error.changed else "FAILED_NO_STATE_CHANGE"
            details = {"reason": f"{outcome}: {error}", "errorStack": error.stack, "errorTypes": error.types}
            self._report(name, "FAILED", details)
            return
        self._keep(plan)
        self._report(name, "COMPLETED" if deployment["toThing"] else "SUCCEEDED", {"reason": "SUCCESSFUL"})

    def _roll_back(self, before: Plan, deployment: Document) -> str:
        if deployment.get("policies", {}).get("failureHandlingPolicy", "ROLLBACK") != "ROLLBACK":
            return "FAILED_ROLLBACK_NOT_REQUESTED"
        try:
            self._change_to(before, {})
        except DeploymentFailed as error:
            self._log(f"the way back failed too: {error}")
            return "FAILED_UNABLE_TO_ROLLBACK"
        return "FAILED_ROLLBACK_COMPLETE"

    def _report(self, deployment_id: str, status: str, details: Document) -> None:
        self._last_deployment = {"deploymentId": deployment_id, "status": status, **details}
        self._write_status("RUNNING")
        while not self._stop.is_set():
            try:
                self._connection.ask(
                    "report",
                    {
                        "deploymentId": deployment_id,
                        "status": status,
                        "details": details,
                        "installed": self._installed(),
                    },
                )
                return
            except Offline:
                self._advance()
                self._stop.wait(_POLL_SECONDS)
            except Refused as error:
                self._log(f"the report of deployment {deployment_id} is refused: {error}")
                return

    def _publish(self, topic: str, payload: bytes, qos: int) -> None:
        self._connection.ask(
            "publish", {"topic": topic, "qos": qos, "payload": base64.b64encode(payload).decode()}
        )

    # ---- a deployment, step by step

    def _prepare(self, deployment: Document, targets: Sequence[str]) -> Plan:
        """Find out what is to run and bring it onto the device; nothing that runs is touched yet."""
        groups = {target: roots for target, roots in self._plan.groups.items() if target in targets}
        groups[deployment["targetArn"]] = {
            name: entry["componentVersion"] for name, entry in deployment["components"].items()
        }
        recipes = self._resolve(_merged_roots(groups))
        for recipe in recipes:
            self._fetch(recipe)
        return Plan(
            recipes=recipes,
            roots=frozenset(name for roots in groups.values() for name in roots),
            configurations={
                recipe.name: self._configuration(recipe, deployment["components"].get(recipe.name, {}))
                for recipe in recipes
            },
            groups=groups,
        )

    def _resolve(self, roots: Mapping[str, str]) -> tuple[Recipe, ...]:
        try:
            own = {name: version for name, version in roots.items() if name not in PROVIDED}
            answer = self._connection.ask("resolve", {"roots": own})
        except Refused as error:
            raise DeploymentFailed(
                str(error), ["NO_AVAILABLE_COMPONENT_VERSION"], ["DEPENDENCY_ERROR"], changed=False
            ) from error
        except Offline as error:
            raise DeploymentFailed(str(error), ["NETWORK_ERROR"], ["NETWORK_ERROR"], changed=False) from error
        return tuple(parse_recipe(json.dumps(document)) for document in answer["recipes"])

    def _fetch(self, recipe: Recipe) -> None:
        if not recipe.artifacts:
            return
        try:
            credentials = self._tokens.credentials()
            self._packages.fetch(recipe, credentials, self._identity.region, self._identity.endpoint)
        except NotInstalled as error:
            raise DeploymentFailed(str(error), error.codes, ["DEPENDENCY_ERROR"], changed=False) from error
        except (Refused, Offline) as error:
            stack = ["ARTIFACT_DOWNLOAD_ERROR", "GET_CREDENTIALS_ERROR"]
            raise DeploymentFailed(str(error), stack, ["PERMISSION_ERROR"], changed=False) from error

    def _configuration(self, recipe: Recipe, entry: Document) -> Document:
        """Keep what a component is configured with; defaults fill in what is new, then reset, then merge."""
        running = self._components.get(recipe.name)
        before = running.configuration if running else self._plan.configurations.get(recipe.name, {})
        update = entry.get("configurationUpdate") or {}
        current = reset(
            merge(recipe.default_configuration, before), recipe.default_configuration, update.get("reset", [])
        )
        return merge(current, json.loads(update.get("merge") or "{}"))

    def _change_to(self, plan: Plan, policies: Document) -> None:
        """Stop what goes or changes, start what comes, and wait until all of it works."""
        stale = self._stale(plan)
        for name in [name for name in reversed(list(self._components)) if name in stale]:
            self._components.pop(name).stop()
        ordered: dict[str, Component] = {}
        for recipe in plan.recipes:
            component = self._components.get(recipe.name) or self._new_component(recipe, plan)
            component.is_root = recipe.name in plan.roots
            ordered[recipe.name] = component
        self._components = ordered
        self._announce_configurations(plan)
        self._wait_until_all_work()

    def _stale(self, plan: Plan) -> set[str]:
        """Return what cannot stay: gone, another version, not working, or hard dependent on one of those."""
        wanted = {recipe.name: str(recipe.version) for recipe in plan.recipes}
        stale = {
            name
            for name, component in self._components.items()
            if wanted.get(name) != component.version or not component.works
        }
        changed = True
        while changed:
            dependents = {
                name
                for name, component in self._components.items()
                if any(d.hard and needed in stale for needed, d in component.recipe.dependencies.items())
            }
            changed = not dependents <= stale
            stale |= dependents
        return stale

    def _announce_configurations(self, plan: Plan) -> None:
        for name, component in list(self._components.items()):
            wanted = plan.configurations[name]
            if component.configuration == wanted:
                continue
            keys = sorted(k for k in wanted if wanted[k] != component.configuration.get(k))
            component.configuration = wanted
            if component.state != "NEW" and not self._ipc.configuration_changed(name, keys):
                component.stop()
                self._components[name] = self._new_component(component.recipe, plan)

    def _wait_until_all_work(self) -> None:
        while not all(component.works for component in self._components.values()):
            self._advance()
            if broken := self._broken():
                raise DeploymentFailed(
                    broken.problem,
                    ["COMPONENT_UPDATE_ERROR", "COMPONENT_BROKEN"],
                    ["COMPONENT_ERROR"],
                    changed=True,
                )
            if self._stop.wait(_TICK_SECONDS):
                raise DeploymentFailed(
                    "the device was stopped", ["DEVICE_STOPPED"], ["DEVICE_ERROR"], changed=False
                )

    # ---- components

    def _new_component(self, recipe: Recipe, plan: Plan) -> Component:
        return Component(
            recipe,
            plan.configurations[recipe.name],
            is_root=recipe.name in plan.roots,
            variables=self._packages.variables(recipe, self._identity.thing),
            environment=self._environment(recipe),
            log_file=self._identity.root / "logs" / f"{recipe.name}.log",
            settle_seconds=self._settle_seconds,
        )

    def _environment(self, recipe: Recipe) -> dict[str, str]:
        """Return what a component's process finds; credentials where the recipe depends on their service."""
        bin_directory = str(Path(sys.executable).parent)
        environment = {
            "PATH": f"{bin_directory}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "HOME": str(self._packages.work(recipe.name)),
            "LANG": "C.UTF-8",
            "TMPDIR": tempfile.gettempdir(),
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
            "AWS_IOT_THING_NAME": self._identity.thing,
            "AWS_REGION": self._identity.region,
            "AWS_DEFAULT_REGION": self._identity.region,
            "GGC_VERSION": NUCLEUS_VERSION,
            "AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT": str(self._ipc.path),
        }
        if self._identity.endpoint:
            environment["AWS_ENDPOINT_URL"] = self._identity.endpoint
        if "AWS_CA_BUNDLE" in os.environ:
            environment["AWS_CA_BUNDLE"] = os.environ["AWS_CA_BUNDLE"]
        if _TOKEN_EXCHANGE in recipe.dependencies:
            environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = self._tokens.uri
        return environment

    def _advance(self) -> None:
        """Take every component a step on; one that comes after others waits for its hard dependencies."""
        for component in list(self._components.values()):
            needs = [
                name
                for name, d in component.recipe.dependencies.items()
                if d.hard and name in self._components
            ]
            if component.state != "NEW" or all(self._components[name].works for name in needs):
                component.advance()

    def _broken(self) -> Component | None:
        return next((c for c in self._components.values() if c.state == "BROKEN"), None)

    def _component_with_token(self, token: str) -> Client | None:
        return next((c for c in list(self._components.values()) if c.token == token), None)

    # ---- the disk

    def _keep(self, plan: Plan) -> None:
        self._plan = plan
        _write_json(self._identity.root / "plan.json", plan.to_json())

    def _resume(self) -> None:
        """Start what ran before this process began."""
        path = self._identity.root / "plan.json"
        if path.exists():
            self._plan = Plan.from_json(json.loads(path.read_text()))
            self._components = {r.name: self._new_component(r, self._plan) for r in self._plan.recipes}

    def _installed(self) -> list[Document]:
        return [_installed(component) for component in self._components.values()]

    def _write_status(self, status: str) -> None:
        _write_json(
            self._identity.root / "status.json",
            {
                "thing": self._identity.thing,
                "status": status,
                "pid": os.getpid(),
                "components": self._installed(),
                "processes": [component.pid for component in self._components.values() if component.pid],
                "ipcDirectory": str(self._ipc_directory),
                "deployment": self._last_deployment,
            },
        )

    def _log(self, text: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} {self._identity.thing}: {text}", flush=True)


def _merged_roots(groups: Mapping[str, Document]) -> dict[str, str]:
    """Return the roots of all targets of a device. Raises DeploymentFailed where two disagree."""
    roots: dict[str, str] = {}
    for target, components in groups.items():
        for name, version in components.items():
            if roots.setdefault(name, version) != version:
                reason = (
                    f"{name}: {target} asks for {version}, another of this device's targets for {roots[name]}"
                )
                stack = ["COMPONENT_VERSION_REQUIREMENTS_NOT_MET"]
                raise DeploymentFailed(reason, stack, ["DEPENDENCY_ERROR"], changed=False)
    return roots


def _installed(component: Component) -> Document:
    state = component.state if component.state != "STOPPED" else "STOPPING"
    return {
        "componentName": component.name,
        "componentVersion": component.version,
        "lifecycleState": state if component.pid or component.state != "NEW" else "NEW",
        "isRoot": component.is_root,
        "lastStatusChangeTimestamp": component.changed_at,
        **({"lifecycleStateDetails": component.problem} if component.problem else {}),
    }


def _short_directory(root: Path) -> Path:
    """Return a directory in which a socket's path stays within what Unix sockets allow."""
    if len(str(root / "ipc.socket")) <= _LONGEST_SOCKET_PATH:
        directory = root / "ipc"
        directory.mkdir(parents=True, exist_ok=True)
        if len(str(directory / "ipc.socket")) <= _LONGEST_SOCKET_PATH:
            return directory
    return Path(tempfile.mkdtemp(prefix="gg-", dir="/tmp"))


def _write_json(path: Path, document: Document) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(document))
    part.replace(path)


def _stop_when_parent_ends(nucleus: Nucleus) -> None:
    """Wait for the end of standard input, a pipe that the parent holds open as long as it lives."""
    while os.read(sys.stdin.fileno(), 4096):  # not sys.stdin: its lock would hold up the interpreter's end
        pass
    nucleus.stop()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a core device until SIGTERM, or until the process that started it is gone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--thing", required=True)
    parser.add_argument("--role-alias", required=True)
    parser.add_argument("--root", type=Path, required=True, help="the device's directory")
    parser.add_argument("--gateway", required=True, help="where the local cloud serves devices")
    parser.add_argument("--region", required=True)
    parser.add_argument("--endpoint", help="the local cloud's AWS endpoint")
    parser.add_argument(
        "--settle-seconds", type=float, default=3.0, help="a silent component runs after these"
    )
    known = parser.parse_args(arguments)
    root = known.root.resolve()
    connection = Connection(known.gateway, thing=known.thing, credentials=root / "credentials")
    identity = Identity(known.thing, known.role_alias, root, known.region, known.endpoint)
    nucleus = Nucleus(identity, connection, settle_seconds=known.settle_seconds)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: nucleus.stop())
    threading.Thread(target=_stop_when_parent_ends, args=(nucleus,), name="parent", daemon=True).start()
    nucleus.run()


if __name__ == "__main__":
    main()
