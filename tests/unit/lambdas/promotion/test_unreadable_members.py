"""A member whose package or label map is gone: the others are released as before, and a new one of it is."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from fake_tree import FakeTree, tree_of

from lambdas.promotion import check_tree, keep_held

SPRING, ROSES, SMALL = ("daffodil", "tulip"), ("daffodil", "rose", "tulip"), ("robin", "wren")


class Served:
    """A tree that prod serves in its first versions."""

    def __init__(self, fake: FakeTree) -> None:
        self.fake = fake
        self.flowers, self.birds = fake.register("flowers", 1, SPRING), fake.register("birds", 1, SMALL)
        self.species = fake.register("species", 1, ("flowers", "birds"), {"flowers": SPRING, "birds": SMALL})
        self.prod = {"flowers": self.flowers, "birds": self.birds, "species": self.species}

    def check(self, package: str) -> dict[str, Any]:
        state = {**self.fake.approval(package), "tree": tree_of(self.prod)}
        return check_tree.handler({"release": state}, None)

    def lose(self, package: str, what: str) -> None:
        [uri] = [uri for uri in self.fake.objects if uri.startswith(folder_of(self.fake.packages[package]))]
        if what == "package":
            del self.fake.packages[package]
        else:
            self.fake.objects[uri] = json.dumps({"labels": ["others"], "children": {}}).encode()


def folder_of(package: dict[str, Any]) -> str:
    return str(package["CustomerMetadataProperties"]["test_set"])


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Served:
    return Served(FakeTree(monkeypatch))


def released(found: dict[str, Any]) -> list[str]:
    assert found["set"]["hold"] is False, found["set"]["why"]
    return [member["model_package_arn"] for member in found["set"]["members"]]


@pytest.mark.parametrize("what", ["package", "label map"])
def test_a_new_version_takes_the_place_of_a_serving_one_that_cannot_be_read(
    served: Served, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    served.lose(served.birds, what)

    assert released(served.check(served.fake.register("birds", 2, SMALL))) == [
        "arn:aws:sagemaker:eu-west-1:123456789012:model-package/edgeline-birds/2"
    ]
    assert f"{served.birds} counts no more" in caplog.text


def test_without_it_the_others_wait_for_one_and_go_with_it(served: Served) -> None:
    served.lose(served.birds, "package")
    better = served.fake.register("flowers", 2, SPRING)
    waits = served.check(better)
    assert waits["set"]["hold"] is True
    assert "waits for a version of birds" in waits["set"]["why"]
    keep_held.handler({"release": waits}, None)

    birds = served.fake.register("birds", 2, SMALL)
    assert released(served.check(birds)) == [better, birds]


def test_a_parent_that_cannot_be_read_waits_for_another(served: Served) -> None:
    served.lose(served.species, "package")
    assert served.check(served.fake.register("flowers", 2, SPRING))["set"]["hold"] is True

    parent = served.fake.register("species", 2, ("flowers", "birds"), {"flowers": SPRING, "birds": SMALL})
    assert released(served.check(parent)) == [parent]


def test_what_may_pass_is_no_reason_to_forget_a_member(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def throttled(**_: Any) -> Any:
        error = {"Code": "SlowDown", "Message": "Please reduce your request rate."}
        raise ClientError({"Error": error}, "GetObject")

    flowers = served.fake.register("flowers", 2, SPRING)
    monkeypatch.setattr(served.fake, "get_object", throttled)
    with pytest.raises(ClientError, match="SlowDown"):
        served.check(flowers)
