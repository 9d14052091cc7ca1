"""Core devices as processes on this machine, provisioned as AWS IoT things."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO, Any, Protocol

from local.greengrass.plug import gateway_url

Document = dict[str, Any]
_STOP_PATIENCE_SECONDS = 40


class Cloud(Protocol):
    """What a device needs of LocalCloud."""

    url: str
    region: str
    state_dir: Path

    def root_session(self) -> Any:
        """Return a boto3 session that may provision things."""


class Device:
    """One core device: `provision` makes it known to AWS IoT, `start` runs its nucleus.

    It ends with the process that started it. `kill` is what a power cut is; `start` afterwards goes on from
    what is on the disk.
    """

    def __init__(
        self,
        cloud: Cloud,
        thing_name: str,
        thing_group: str,
        role_alias: str,
        iot_policy: str,
        directory: Path,
        *,
        settle_seconds: float = 3.0,
    ) -> None:
        self.thing_name = thing_name
        self.directory = directory.resolve()
        self._cloud = cloud
        self._thing_group = thing_group
        self._role_alias = role_alias
        self._iot_policy = iot_policy
        self._settle_seconds = settle_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    def work(self, component: str) -> Path:
        """Return a component's work directory; the inspector's input lies in `pictures` below it."""
        return self.directory / "work" / component

    def provision(self, session: Any = None) -> None:
        """Create the thing, its certificate and its group membership, unless they are there."""
        credentials = self.directory / "credentials"
        if (credentials / "certificate-id").exists():
            return
        credentials.mkdir(parents=True, exist_ok=True, mode=0o700)
        iot = (session or self._cloud.root_session()).client("iot")
        iot.create_thing(thingName=self.thing_name)
        made = iot.create_keys_and_certificate(setAsActive=True)
        iot.attach_policy(policyName=self._iot_policy, target=made["certificateArn"])
        iot.attach_thing_principal(thingName=self.thing_name, principal=made["certificateArn"])
        iot.add_thing_to_thing_group(thingName=self.thing_name, thingGroupName=self._thing_group)
        (credentials / "certificate.pem.crt").write_text(made["certificatePem"])
        key = credentials / "private.pem.key"
        key.touch(mode=0o600)
        key.write_text(made["keyPair"]["PrivateKey"])
        (credentials / "certificate-id").write_text(made["certificateId"])

    def start(self) -> None:
        """Provision where needed and start the nucleus."""
        if self.alive:
            return
        self.provision()
        self._log = (self.directory / "nucleus.log").open("ab")
        command = [sys.executable, "-m", "local.greengrass.nucleus", "--thing", self.thing_name]
        command += ["--role-alias", self._role_alias, "--root", str(self.directory)]
        command += ["--gateway", gateway_url(self._cloud.state_dir), "--region", self._cloud.region]
        command += ["--endpoint", self._cloud.url, "--settle-seconds", str(self._settle_seconds)]
        self._process = subprocess.Popen(
            command,
            cwd=Path(__file__).resolve().parents[2],
            env=_environment(),
            stdin=subprocess.PIPE,  # its end tells the nucleus that this process is gone
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def stop(self) -> None:
        """End the nucleus and its components in order."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self._closed()

    def kill(self) -> None:
        """End everything at once, as a power cut does."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        kept = self._kept()
        for pid in kept.get("processes", []):
            _kill_group(pid)
        if kept.get("ipcDirectory"):
            shutil.rmtree(kept["ipcDirectory"], ignore_errors=True)
        self._closed()

    @property
    def alive(self) -> bool:
        """Whether the nucleus runs."""
        return self._process is not None and self._process.poll() is None

    def status(self) -> Document:
        """Return `name`, `status`, `component_versions`, `components`, `deployment` and `reason`.

        `status` is RUNNING where the nucleus and each of its components runs or has finished, STOPPED
        without a nucleus, STARTING where there is nothing to run yet or it is under way, else BROKEN.
        `reason` holds what went wrong with the components.
        """
        kept = self._kept()
        components = kept.get("components", [])
        states = [component["lifecycleState"] for component in components]
        return {
            "name": self.thing_name,
            "status": self._status_of(states),
            "component_versions": {c["componentName"]: c["componentVersion"] for c in components},
            "components": components,
            "deployment": kept.get("deployment", {}),
            "reason": "; ".join(
                c["lifecycleStateDetails"] for c in components if "lifecycleStateDetails" in c
            ),
        }

    def _status_of(self, states: list[str]) -> str:
        if not self.alive:
            return "STOPPED"
        if "BROKEN" in states:
            return "BROKEN"
        working = bool(states) and all(state in ("RUNNING", "FINISHED") for state in states)
        return "RUNNING" if working else "STARTING"

    def _kept(self) -> Document:
        try:
            kept: Document = json.loads((self.directory / "status.json").read_text())
        except (OSError, ValueError):
            return {}
        return kept

    def _closed(self) -> None:
        if self._process and self._process.stdin:
            self._process.stdin.close()
        self._process = None
        if self._log:
            self._log.close()
            self._log = None


def _environment() -> dict[str, str]:
    """A device has none of the credentials of whoever starts it."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("AWS_") or name == "AWS_CA_BUNDLE"
    }


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
