"""The line as stations, from the pictures to the devices: what each came to, and where a run stopped."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Station:
    """One station; `state` is "done", "stopped" or "idle"."""

    name: str
    figure: str
    words: str
    state: str


def stations(summary: Json, details: Json) -> list[Station]:
    """Return the stations in order; the first one without a result is where a failed run stopped."""
    reached = [
        ("Pictures", *_pictures(summary)),
        ("Labels", *_labels(summary)),
        ("Dataset", *_dataset(summary)),
        ("Model", *_model(summary)),
        ("Approval", *_approval(details)),
        ("Staging", *_endpoint(summary.get("staging"))),
        ("Production", *_endpoint(summary.get("prod"))),
        ("Devices", *_devices(summary)),
    ]
    failed = details.get("failure") is not None
    last_done = max((i for i, (_, figure, _, fine) in enumerate(reached) if figure and fine), default=-1)
    result = []
    for index, (name, figure, words, fine) in enumerate(reached):
        state = "done" if figure and fine and index <= last_done else "idle"
        if failed and index == last_done + 1:
            state, words = "stopped", words or "stopped here"
        result.append(Station(name, figure or "\N{EN DASH}", words or "not reached", state))
    return result


def _pictures(summary: Json) -> tuple[str, str, bool]:
    images = summary.get("images")
    if not images:
        return "", "", False
    aside = f"{images['quarantined']} set aside" if images["quarantined"] else "all usable"
    return str(images["total"]), aside, True


def _labels(summary: Json) -> tuple[str, str, bool]:
    images = summary.get("images")
    if not images or not images["labeled"]:
        return "", "", False
    return str(images["labeled"]), f"{images['relabeled']} drawn again", True


def _dataset(summary: Json) -> tuple[str, str, bool]:
    dataset = summary.get("dataset")
    if not dataset:
        return "", "", False
    return str(dataset["train"]), f"+ {dataset['validation']} to tune, {dataset['test']} to test", True


def _model(summary: Json) -> tuple[str, str, bool]:
    model = summary.get("model")
    if not model:
        return "", "", False
    passed = model["map50"] >= model["threshold"] and bool(model["package_arn"])
    sign = "≥" if model["map50"] >= model["threshold"] else "<"
    return f"{model['map50']:.3f}", f"mAP50 {sign} {model['threshold']:g}", passed


def _approval(details: Json) -> tuple[str, str, bool]:
    approver = details.get("approved_by")
    return ("yes", f"by {approver}", True) if approver else ("", "", False)


def _endpoint(endpoint: Json | None) -> tuple[str, str, bool]:
    if not endpoint:
        return "", "", False
    return str(endpoint["requests"]), "requests answered", True


def _devices(summary: Json) -> tuple[str, str, bool]:
    devices = summary.get("devices") or []
    if not devices:
        return "", "", False
    running = sum(device["status"] == "RUNNING" for device in devices)
    return f"{running}/{len(devices)}", "running", running == len(devices)
