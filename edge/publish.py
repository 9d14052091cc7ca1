"""Publish the inspector as a version of its Greengrass component: what the inspector's build runs.

python -m edge.publish

The environment is that of the build project (stacks/constructs/inspector_build.py). Runs where the repository
is, never on a device. A version that is there already is left as it is: it has the same content. The event at
the end starts a rollout.
"""

import io
import json
import os
import re
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

ROOT = Path(__file__).parents[1]
# Greengrass unpacks an archive into a folder of its stem, which the recipe names.
ARCHIVE = "inspector.zip"
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
PARTS = ("edge/__init__.py", "edge/inspector", "inference")
_CHECKED_WITHIN_SECONDS = 300
_POLL_SECONDS = 2


class PublicationError(Exception):
    """The version cannot be published; the message is one line."""


@dataclass(frozen=True)
class Publication:
    """What is published, and how it is announced."""

    component_arn: str
    content: str
    recipe_values: Mapping[str, str]
    event_source: str
    detail_type: str
    git_commit: str

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Publication":
        """Read the build's environment; PublicationError names what is missing."""
        names = ("COMPONENT_ARN", "CONTENT", "RECIPE_VALUES", "EVENT_SOURCE", "DETAIL_TYPE", "GIT_COMMIT")
        missing = [name for name in names if not environment.get(name)]
        if missing:
            raise PublicationError(f"missing from the environment: {', '.join(missing)}")
        values = {name.lower(): environment[name] for name in names if name != "RECIPE_VALUES"}
        return cls(**values, recipe_values=json.loads(environment["RECIPE_VALUES"]))

    @property
    def component(self) -> str:
        """The component's name."""
        return self.component_arn.split(":")[-3]

    @property
    def version(self) -> str:
        """The component's version."""
        return self.component_arn.split(":")[-1]

    @property
    def bucket(self) -> str:
        """The bucket of the artifact."""
        return self.recipe_values["ARTIFACTS_BUCKET"]

    @property
    def key(self) -> str:
        """The artifact's key."""
        return f"components/{self.component}/{self.version}/{ARCHIVE}"


def main(environment: Mapping[str, str]) -> str:
    """Publish what the environment describes, announce it, and say in a line what happened."""
    publication = Publication.read(environment)
    session = boto3.Session(region_name=environment.get("AWS_REGION"))
    made = publish(session.client("greengrassv2"), session.client("s3"), publication)
    announce(session.client("events"), publication)
    return f"{publication.component} {publication.version} {'published' if made else 'is published already'}"


def publish(
    greengrass: Any, s3: Any, publication: Publication, *, sleep: Callable[[float], None] = time.sleep
) -> bool:
    """Make the component version and wait until it can be deployed; False where it was there before."""
    found = _describe(greengrass, publication)
    made = found is None
    if found is None:
        s3.put_object(
            Bucket=publication.bucket,
            Key=publication.key,
            Body=archive(ROOT),
            ContentType="application/zip",
        )
        tags = {
            "content": publication.content,
            "git-commit": publication.git_commit,
            "project": publication.event_source,
        }
        greengrass.create_component_version(inlineRecipe=recipe(ROOT, publication).encode(), tags=tags)
    for _ in range(_CHECKED_WITHIN_SECONDS // _POLL_SECONDS):
        found = _describe(greengrass, publication)
        if found is not None and _is_deployable(found, publication):
            return made
        sleep(_POLL_SECONDS)
    raise PublicationError(f"{publication.component_arn} is not deployable after {_CHECKED_WITHIN_SECONDS} s")


def announce(events: Any, publication: Publication) -> None:
    """Emit the event that starts a rollout."""
    entry = {
        "Source": publication.event_source,
        "DetailType": publication.detail_type,
        "Detail": json.dumps(
            {
                "component": publication.component,
                "version": publication.version,
                "git_commit": publication.git_commit,
            }
        ),
    }
    answer = events.put_events(Entries=[entry])
    if answer["FailedEntryCount"]:
        raise PublicationError(f"EventBridge did not take the event: {answer['Entries'][0]['ErrorMessage']}")


def archive(root: Path) -> bytes:
    """Zip what runs on a device; the same content always gives the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for path in _files(root):
            entry = zipfile.ZipInfo(path.relative_to(root).as_posix(), _ZIP_EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            file.writestr(entry, path.read_bytes())
    return buffer.getvalue()


def recipe(root: Path, publication: Publication) -> str:
    """Fill the recipe's @PLACEHOLDERS@, comments left out; PublicationError names one that nothing fills."""
    template = (root / "edge/inspector/recipe.yaml").read_text(encoding="utf-8")
    text = "".join(line for line in template.splitlines(keepends=True) if not line.startswith("#"))
    values = {
        **publication.recipe_values,
        "VERSION": publication.version,
        "ARTIFACT_URI": f"s3://{publication.bucket}/{publication.key}",
        "ARTIFACT_NAME": Path(ARCHIVE).stem,
    }
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    left = sorted(set(re.findall(r"@[A-Z_]+@", text)))
    if left:
        raise PublicationError(f"nothing fills {', '.join(left)} of the inspector's recipe")
    return text


def _files(root: Path) -> Iterator[Path]:
    for part in PARTS:
        found = root / part
        if found.is_file():
            yield found
        for path in sorted(found.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


def _describe(greengrass: Any, publication: Publication) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = greengrass.describe_component(arn=publication.component_arn)
    except greengrass.exceptions.ResourceNotFoundException:
        return None
    return found


def _is_deployable(found: Mapping[str, Any], publication: Publication) -> bool:
    content = (found.get("tags") or {}).get("content")
    if content != publication.content:
        raise PublicationError(
            f"{publication.component_arn} holds {content}, this one is {publication.content}: delete it"
        )
    status = found["status"]
    if status["componentState"] == "FAILED":
        why = f"{status.get('message', '')} {status.get('errors', {})}"
        raise PublicationError(f"Greengrass refused {publication.component_arn}: {why}")
    return bool(status["componentState"] == "DEPLOYABLE")


if __name__ == "__main__":
    try:
        print(main(os.environ))
    except PublicationError as error:
        sys.exit(f"error: {error}")
