"""The jobs from the check to the split in their deployed role, on S3 with IAM enforced: one for a tree."""

import io
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from training_line import ROOT, deployed

from local.cloud.server import LocalCloud
from pipeline_defs.classification.frozen_split import parse
from pipeline_defs.classification.settings import ClassificationSettings, settings_json

NAME = "split-test"
TOML = f"""
name = "{NAME}"
parts = ["training"]
[models.species]
task = "classification"
classes = ["mushroom"]
[models.flowers]
task = "classification"
parent = "species"
classes = ["tulip", "daffodil"]
"""
CLASSES = ("tulip", "daffodil", "mushroom")
PICTURES = 10  # of each class
SIDES = ("train", "validation", "test")
KEY = "datasets/species/split.bin"


def picture(seed: int) -> bytes:
    """A PNG like no other."""
    coarse = np.random.default_rng(seed).integers(0, 255, (4, 4, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(coarse).resize((60, 50), Image.Resampling.BICUBIC).save(stream, "PNG")
    return stream.getvalue()


@dataclass
class Tree:
    """The deployed data and training parts, with pictures of three classes, and the jobs to run on them."""

    cloud: LocalCloud
    data: dict[str, str]
    training: dict[str, str]

    def __post_init__(self) -> None:
        self.s3 = self.cloud.root_session().client("s3")
        for number, name in enumerate(CLASSES):
            for seed in range(PICTURES):
                self.upload(f"{name}/{seed}.png", 100 * number + seed)

    def upload(self, name: str, seed: int) -> str:
        """Put a picture; return its key."""
        key = f"images/species/{name}"
        self.s3.put_object(Bucket=self.data["ImagesBucket"], Key=key, Body=picture(seed))
        return key

    def settings(self, folder: Path, model: str) -> Path:
        """Write what the build writes."""
        labels = {"flowers": CLASSES[:2], "mushroom": ("mushroom",)}
        written = ClassificationSettings(
            name=model,
            tree="species",
            labels=labels if model == "species" else {name: (name,) for name in CLASSES[:2]},
            children={"flowers": "flowers"} if model == "species" else {},
            source=f"s3://{self.data['ImagesBucket']}/images/species/",
            input_size=32,
        )
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{model}.json").write_text(settings_json(written))
        return folder / f"{model}.json"

    def job(
        self, script: str, folder: Path, model: str, policy: dict[str, Any] | None = None, **options: object
    ) -> "subprocess.CompletedProcess[str]":
        """Run a script as a job of the role would; `policy` is all that it may of that."""
        given = {"settings": self.settings(folder, model), "output-dir": folder, **options}
        arguments = [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]
        credentials = self.cloud.service_credentials(
            self.training["JobRoleArn"], "sagemaker.amazonaws.com", "job", policy=policy
        )
        return subprocess.run(
            [sys.executable, "-m", f"pipeline_defs.classification.scripts.{script}", *arguments],
            cwd=ROOT, env=self.cloud.environment(credentials), capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip

    def check(self, folder: Path, model: str) -> None:
        ended_well(self.job("check_data", folder, model, processes=1))

    def encode(self, folder: Path, model: str) -> "subprocess.CompletedProcess[str]":
        return self.job("encode_pictures", folder, model, dataset=folder / "dataset", processes=1)

    def prepare(self, folder: Path, model: str) -> None:
        """Do what comes before the split."""
        self.check(folder, model)
        ended_well(self.encode(folder, model))
        given = {"dataset": folder / "dataset", "encoded": folder / "encoded"}
        ended_well(self.job("write_records", folder, model, **given))

    def split(
        self, folder: Path, model: str, policy: dict[str, Any] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        given = {"dataset": folder / "dataset", "records": folder / "records", "seed": 7}
        given["artifacts_bucket"] = self.data["ArtifactsBucket"]
        return self.job("split_records", folder, model, policy, **given)

    def frozen(self) -> bytes:
        content: bytes = self.s3.get_object(Bucket=self.data["ArtifactsBucket"], Key=KEY)["Body"].read()
        return content


def ended_well(done: "subprocess.CompletedProcess[str]") -> None:
    assert done.returncode == 0, done.stderr


def side_of(folder: Path) -> dict[str, str]:
    lists = {side: (folder / side / f"{side}.lst").read_text().splitlines() for side in SIDES}
    return {line.split("\t")[2]: side for side, lines in lists.items() for line in lines}


def read(path: Path) -> Any:
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def tree(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Tree:
    toml = tmp_path_factory.mktemp("toml") / "edgeline.toml"
    toml.write_text(TOML)
    return Tree(cloud, *deployed(cloud, tmp_path_factory.mktemp("assembly"), NAME, toml))


@pytest.fixture(scope="module")
def split(tree: Tree, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both models of the tree, prepared and then split at the same moment; each in a folder of its name."""
    folder = tmp_path_factory.mktemp("models")
    models = ("species", "flowers")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda model: tree.prepare(folder / model, model), models))
        for done in pool.map(lambda model: tree.split(folder / model, model), models):
            ended_well(done)
    return folder


@pytest.mark.acceptance
def test_two_models_of_a_tree_that_split_at_the_same_moment_agree(tree: Tree, split: Path) -> None:
    parent, child = side_of(split / "species"), side_of(split / "flowers")
    assert (len(parent), len(child)) == (30, 20)
    assert child.items() <= parent.items()
    assert set(parent.values()) == set(SIDES)
    frozen = parse(tree.frozen(), "species", KEY)
    assert len(frozen.digests) == 30
    labels = read(split / "species" / "test" / "labels.json")
    assert {entry["uri"] for entry in labels["images"]} == {uri for uri, at in parent.items() if at == "test"}


@pytest.mark.acceptance
def test_what_was_checked_is_encoded_though_the_picture_was_replaced_meanwhile(
    tree: Tree, tmp_path: Path
) -> None:
    key = tree.upload("tulip/replaced.png", 50)
    tree.check(tmp_path, "flowers")
    tree.upload("tulip/replaced.png", 51)
    ended_well(tree.encode(tmp_path, "flowers"))
    versions = tree.s3.list_object_versions(Bucket=tree.data["ImagesBucket"], Prefix=key)["Versions"]
    checked = next(version["VersionId"] for version in versions if not version["IsLatest"])
    tree.s3.delete_object(Bucket=tree.data["ImagesBucket"], Key=key, VersionId=checked)
    done = tree.encode(tmp_path, "flowers")
    assert done.returncode == 1
    assert (
        f"1 of 21 pictures of the data set cannot be had: s3://{tree.data['ImagesBucket']}/{key}: "
        in done.stderr
    )
    assert "NoSuchVersion" in done.stderr
    assert done.stderr.count("\n") == 1
    tree.s3.delete_object(Bucket=tree.data["ImagesBucket"], Key=key)


@pytest.mark.acceptance
def test_a_damaged_frozen_split_ends_the_job_in_one_line_and_is_not_written_over(
    tree: Tree, split: Path
) -> None:
    whole, bucket = tree.frozen(), tree.data["ArtifactsBucket"]
    damaged = whole[:-1] + bytes([whole[-1] ^ 1])
    tree.s3.put_object(Bucket=bucket, Key=KEY, Body=damaged)
    done = tree.split(split / "flowers", "flowers")
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: s3://{bucket}/{KEY}: damaged or cut off: ")
    assert done.stderr.endswith("restore an earlier version of the file\n")
    assert tree.frozen() == damaged
    tree.s3.put_object(Bucket=bucket, Key=KEY, Body=whole)
    ended_well(tree.split(split / "flowers", "flowers"))
    assert tree.frozen() == whole


@pytest.mark.acceptance
def test_a_role_that_may_not_freeze_ends_the_job_in_one_line(tree: Tree, split: Path) -> None:
    reads = {"Effect": "Allow", "Action": ["s3:Get*", "s3:List*", "kms:*"], "Resource": "*"}
    tree.upload("daffodil/one_more.png", 180)
    more = split.parent / "more"
    tree.prepare(more, "flowers")
    before = tree.frozen()
    done = tree.split(more, "flowers", {"Version": "2012-10-17", "Statement": [reads]})
    assert done.returncode == 1
    assert done.stderr.startswith("error: AWS: ")
    assert "AccessDenied" in done.stderr
    assert "PutObject" in done.stderr
    assert tree.frozen() == before
    assert done.stderr.count("\n") == 1
