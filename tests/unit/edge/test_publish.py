import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from edge import publish
from edge.publish import PublicationError

ROOT = Path(publish.__file__).parents[1]
ARN = "arn:aws:greengrass:eu-west-1:123456789012:components:com.line.inspector:versions:1.0.8"
ENVIRONMENT = {
    "COMPONENT_ARN": ARN,
    "CONTENT": "c0ffee",
    "EVENT_SOURCE": "line",
    "DETAIL_TYPE": "Inspector Published",
    "GIT_COMMIT": "abc123",
    "RECIPE_VALUES": json.dumps(
        {
            "COMPONENT": "com.line.inspector",
            "MODEL": "tags",
            "MODEL_COMPONENT": "com.line.model.tags",
            "UNSURE_LOW": "0.15",
            "UNSURE_HIGH": "0.6",
            "MIN_SCORE": "0.25",
            "IMAGES_BUCKET": "images",
            "ARTIFACTS_BUCKET": "artifacts",
        }
    ),
}


class Missing(Exception):  # noqa: N818
    pass


class FakeGreengrass:
    """Checks a new version for as many looks as `checking` says."""

    class exceptions:  # noqa: N801 - as boto3 names it
        ResourceNotFoundException = Missing

    def __init__(self) -> None:
        self.components: dict[str, dict[str, Any]] = {}
        self.checking = 0
        self.outcome = "DEPLOYABLE"

    def describe_component(self, arn: str) -> dict[str, Any]:
        if arn not in self.components:
            raise Missing
        state = "REQUESTED" if self.checking else self.outcome
        self.checking = max(0, self.checking - 1)
        return {**self.components[arn], "status": {"componentState": state, "message": "no such artifact"}}

    def create_component_version(self, inlineRecipe: bytes, tags: dict[str, str]) -> None:  # noqa: N803
        recipe = yaml.safe_load(inlineRecipe)
        arn = ARN.replace("1.0.8", recipe["ComponentVersion"])
        self.components[arn] = {"recipe": recipe, "tags": tags}


class FakeS3:
    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, **_: Any) -> None:  # noqa: N803
        self.objects[Bucket, Key] = Body


class FakeEvents:
    def __init__(self, failed: int = 0) -> None:
        self.failed = failed
        self.entries: list[dict[str, str]] = []

    def put_events(self, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        self.entries += Entries
        return {"FailedEntryCount": self.failed, "Entries": [{"ErrorMessage": "too many"}]}


@pytest.fixture
def publication() -> publish.Publication:
    return publish.Publication.read(ENVIRONMENT)


@pytest.fixture
def greengrass() -> FakeGreengrass:
    return FakeGreengrass()


def put(greengrass: FakeGreengrass, s3: FakeS3, publication: publish.Publication) -> bool:
    return publish.publish(greengrass, s3, publication, sleep=lambda _: None)


def test_a_version_is_made_of_the_code_and_is_deployable(
    greengrass: FakeGreengrass, publication: publish.Publication
) -> None:
    s3, greengrass.checking = FakeS3(), 3
    assert put(greengrass, s3, publication)
    component = greengrass.components[ARN]
    assert component["tags"] == {"content": "c0ffee", "git-commit": "abc123", "project": "line"}
    (artifact,) = component["recipe"]["Manifests"][0]["Artifacts"]
    assert artifact["Uri"] == "s3://artifacts/components/com.line.inspector/1.0.8/inspector.zip"
    ((place, _),) = s3.objects.items()
    assert place == ("artifacts", "components/com.line.inspector/1.0.8/inspector.zip")


def test_the_recipe_starts_what_lies_in_the_archive(publication: publish.Publication) -> None:
    with zipfile.ZipFile(io.BytesIO(publish.archive(ROOT))) as archive:
        names = archive.namelist()
    lifecycle = yaml.safe_load(publish.recipe(ROOT, publication))["Manifests"][0]["Lifecycle"]
    for phase in ("install", "run"):
        assert (
            '{artifacts:decompressedPath}/inspector/edge/inspector/launch.py"' in lifecycle[phase]["Script"]
        )
    assert "edge/inspector/launch.py" in names
    assert {name.split("/")[0] for name in names} == {"edge", "inference"}
    assert {"edge/__init__.py", "edge/inspector/requirements.txt", "inference/detector.py"} <= set(names)
    assert not [name for name in names if "__pycache__" in name or name == "edge/publish.py"]


def test_the_same_code_gives_the_same_archive() -> None:
    assert publish.archive(ROOT) == publish.archive(ROOT)


def test_a_version_that_is_there_is_left_as_it_is(
    greengrass: FakeGreengrass, publication: publish.Publication
) -> None:
    put(greengrass, FakeS3(), publication)
    s3 = FakeS3()
    assert not put(greengrass, s3, publication)
    assert s3.objects == {}, "devices may be reading it"


def test_a_version_of_other_content_is_refused(
    greengrass: FakeGreengrass, publication: publish.Publication
) -> None:
    put(greengrass, FakeS3(), publication)
    other = publish.Publication.read({**ENVIRONMENT, "CONTENT": "decaf"})
    with pytest.raises(
        PublicationError, match=r"versions:1\.0\.8 holds c0ffee, this one is decaf: delete it"
    ):
        put(greengrass, FakeS3(), other)


@pytest.mark.parametrize(
    ("outcome", "said"),
    [("FAILED", "Greengrass refused .*no such artifact"), ("INITIATED", "not deployable")],
)
def test_a_version_that_is_never_deployable_is_an_error(
    greengrass: FakeGreengrass, publication: publish.Publication, outcome: str, said: str
) -> None:
    greengrass.outcome = outcome
    with pytest.raises(PublicationError, match=said):
        put(greengrass, FakeS3(), publication)


def test_the_event_says_which_version_and_from_which_commit(publication: publish.Publication) -> None:
    events = FakeEvents()
    publish.announce(events, publication)
    [entry] = events.entries
    assert (entry["Source"], entry["DetailType"]) == ("line", "Inspector Published")
    assert json.loads(entry["Detail"]) == {
        "component": "com.line.inspector",
        "version": "1.0.8",
        "git_commit": "abc123",
    }


def test_an_event_that_is_not_taken_fails_the_build(publication: publish.Publication) -> None:
    with pytest.raises(PublicationError, match="did not take the event: too many"):
        publish.announce(FakeEvents(failed=1), publication)


def test_a_placeholder_that_nothing_fills_is_named() -> None:
    values = json.loads(ENVIRONMENT["RECIPE_VALUES"])
    del values["MIN_SCORE"]
    publication = publish.Publication.read({**ENVIRONMENT, "RECIPE_VALUES": json.dumps(values)})
    with pytest.raises(PublicationError, match="nothing fills @MIN_SCORE@"):
        publish.recipe(ROOT, publication)


def test_what_is_missing_from_the_environment_is_named() -> None:
    with pytest.raises(PublicationError, match="missing from the environment: CONTENT, EVENT_SOURCE"):
        publish.Publication.read({**ENVIRONMENT, "CONTENT": "", "EVENT_SOURCE": ""})
