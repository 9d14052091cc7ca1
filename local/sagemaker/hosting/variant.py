"""A production variant of an endpoint and the instances that answer for it."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from local.sagemaker.hosting.hosting_variant import is_hosting
from local.sagemaker.hosting.instance import Instance
from local.sagemaker.table import now


@dataclass(frozen=True)
class Status:
    """What is being done with a variant, in the words of DescribeEndpoint's `VariantStatus`."""

    word: str
    message: str
    since: datetime = field(default_factory=now)

    def describe(self) -> dict[str, Any]:
        """Give an item of `VariantStatus`."""
        return {"Status": self.word, "StatusMessage": self.message, "StartTime": self.since}


@dataclass(eq=False)
class Variant:
    """A production variant: its weight, its instances, and for serverless how many requests at once.

    `active` says how many of the instances, from the first on, take requests: None stands for all of them.
    `instances` is replaced, never changed in place: requests read it while it changes.
    """

    name: str
    weight: float
    model: Mapping[str, Any]
    settings: Mapping[str, Any]
    instances: list[Instance] = field(default_factory=list)
    at_once: threading.BoundedSemaphore | None = None
    desired: int = 0
    active: int | None = None
    status: Status | None = None

    @property
    def serverless(self) -> bool:
        """Whether the variant is serverless."""
        return "ServerlessConfig" in self.settings

    @property
    def hosts_components(self) -> bool:
        """Whether inference components bring the models, and the variant has only room for them."""
        return is_hosting(self.settings)

    def take(self) -> Instance | None:
        """Give a healthy instance that is held until its `release`, None where there is none."""
        taking = [instance for instance in self.instances[: self.active] if instance.alive]
        random.shuffle(taking)
        if self.settings.get("RoutingConfig", {}).get("RoutingStrategy") == "LEAST_OUTSTANDING_REQUESTS":
            taking.sort(key=lambda instance: instance.busy)
        return next((instance for instance in taking if instance.take()), None)

    def describe(self) -> dict[str, Any]:
        """Give an item of `ProductionVariants`."""
        image = self.model.get("Container", {}).get("Image")
        current = self.desired if self.hosts_components else len(self.instances[: self.active])
        described: dict[str, Any] = {
            "VariantName": self.name,
            "DeployedImages": [{"SpecifiedImage": image}] if image else [],
            "CurrentWeight": self.weight,
            "DesiredWeight": self.weight,
            "CurrentInstanceCount": 0 if self.serverless else current,
            "DesiredInstanceCount": 0 if self.serverless else self.desired,
        }
        if self.serverless:
            described["CurrentServerlessConfig"] = self.settings["ServerlessConfig"]
        if self.status:
            described["VariantStatus"] = [self.status.describe()]
        return described
