"""The demo's fleet: a staging device and two in production, what their cameras take, and what they say."""

import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import cycle, islice
from math import ceil
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local.cloud.server import LocalCloud
from local.demo import summary
from local.demo.batch import Picture
from local.demo.details import Returned
from local.demo.progress import Part
from local.demo.workflows import LineStopped
from local.greengrass.devices import Device

DEVICES = (("press-0-test", "staging"), ("press-1", "prod"), ("press-2", "prod"))
STAGING_PICTURES = 5  # as many inferences the rollout asks of a staging device before it goes on
_POLL_SECONDS = 0.5
_PATIENCE_SECONDS = 120


@dataclass(frozen=True)
class Placed:
    """A device, the environment that it belongs to, and how many pictures its camera has taken."""

    device: Device
    environment: str
    pictures: int


class DemoFleet:
    """Core devices as processes, with a camera each: a file that appears in the inspector's input folder."""

    def __init__(self, cloud: LocalCloud, outputs: Mapping[str, str], inspector: str, folder: Path) -> None:
        self._inspector = inspector
        groups = {"staging": outputs["StagingThingGroup"], "prod": outputs["ProdThingGroup"]}
        policies = {"staging": outputs["StagingIotPolicy"], "prod": outputs["ProdIotPolicy"]}
        self._placed = [
            Placed(
                Device(cloud, name, groups[where], outputs["RoleAlias"], policies[where], folder / name),
                where,
                0,
            )
            for name, where in DEVICES
        ]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Start all devices, and stop them whatever happens."""
        try:
            for placed in self._placed:
                placed.device.start()
            yield
        finally:
            for placed in self._placed:
                placed.device.stop()

    def provision(self) -> None:
        """Make the devices known to AWS IoT: part of the deployment, as a factory does it."""
        for placed in self._placed:
            placed.device.provision()

    def take_pictures(self, pictures: Sequence[Picture]) -> None:
        """Let the cameras take pictures, as `shares` deals them out."""
        dealt = shares(pictures, len(self._placed))
        for index, (placed, share) in enumerate(zip(self._placed, dealt, strict=True)):
            inbox = placed.device.work(self._inspector) / "pictures"
            for shot, picture in enumerate(share):
                _appear(picture.path, inbox / f"{shot}-{picture.path.name}")
            self._placed[index] = Placed(placed.device, placed.environment, placed.pictures + len(share))

    def await_inspection(self, health: "Health", part: Part) -> None:
        """Wait until every device has inspected what its camera took; raises LineStopped with who has not."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        move = part.bar("inspected")
        total = sum(placed.pictures for placed in self._placed)
        while True:
            seen = {p.device.thing_name: health.of(p.device.thing_name) for p in self._placed}
            done = {p.device.thing_name: _looked_at(seen[p.device.thing_name]) for p in self._placed}
            move(min(sum(done.values()), total), total)
            behind = [p for p in self._placed if done[p.device.thing_name] < p.pictures]
            if not behind:
                return
            if time.monotonic() > deadline:
                raise LineStopped("; ".join(_behind(p, done[p.device.thing_name]) for p in behind))
            time.sleep(_POLL_SECONDS)

    def devices(self, health: "Health") -> tuple[summary.Device, ...]:
        """Return what is known of each device: its status from itself, the rest from its health report."""
        found = []
        for placed in self._placed:
            status, report = placed.device.status(), health.of(placed.device.thing_name)
            found.append(
                summary.Device(
                    name=placed.device.thing_name,
                    environment=placed.environment,
                    status=status["status"],
                    component_versions=status["component_versions"],
                    package_arn=report.get("model_package_arn"),
                    inferences=int(report.get("inferences", 0)),
                    p50_ms=report.get("p50_ms"),
                    images_returned=int(report.get("images_returned", 0)),
                )
            )
        return tuple(found)


def shares(pictures: Sequence[Picture], devices: int) -> list[list[Picture]]:
    """Deal pictures out, the staging device's share first: it needs enough for the rollout to go on.

    Of few pictures the staging camera takes some again, and each of the others one that was taken before.
    """
    if not pictures:
        return [[] for _ in range(devices)]
    staging = max(STAGING_PICTURES, ceil(len(pictures) / devices))
    rest = pictures[staging:]
    others = [list(rest[index :: devices - 1]) or [pictures[0]] for index in range(devices - 1)]
    return [list(islice(cycle(pictures[:staging]), staging)), *others]


class Health:
    """The devices' health reports for one version of the model component, as the operator reads them."""

    def __init__(self, s3: Any, bucket: str, version: str) -> None:
        self._s3, self._bucket, self._version = s3, bucket, version

    def of(self, thing: str) -> dict[str, Any]:
        """Return the report of a device; nothing where it has not reported on this version."""
        with suppress(ClientError):
            key = f"edge/{thing}/health/{self._version}.json"
            report: dict[str, Any] = json.loads(
                self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
            )
            return report
        return {}


def returned_pictures(s3: Any, bucket: str, model: str, folder: Path) -> tuple[Returned, ...]:
    """Fetch what the devices sent back into `folder`, for the report."""
    folder.mkdir(parents=True, exist_ok=True)
    prefix = f"images/{model}/returned/"
    found = []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", []):
            answer = s3.get_object(Bucket=bucket, Key=entry["Key"])
            thing, name = entry["Key"].removeprefix(prefix).split("/", 1)[0], entry["Key"].rpartition("/")[2]
            (folder / name).write_bytes(answer["Body"].read())
            scores = answer["Metadata"]
            found.append(
                Returned(
                    thing,
                    f"s3://{bucket}/{entry['Key']}",
                    name,
                    float(scores["min-score"]),
                    float(scores["max-score"]),
                )
            )
    return tuple(found)


def _appear(source: Path, target: Path) -> None:
    """Put a file where the inspector looks, whole from the first moment on, as a camera's driver has to."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}")
    shutil.copyfile(source, unfinished)
    os.replace(unfinished, target)


def _looked_at(report: Mapping[str, Any]) -> int:
    return int(report.get("inferences", 0)) + int(report.get("rejected", 0))


def _behind(placed: Placed, done: int) -> str:
    status = placed.device.status()
    name, found = placed.device.thing_name, status["status"]
    return f"{name} is {found}, inspected {done} of {placed.pictures}: {status['reason']}"
