"""The app, synthesized once for all tests of this folder."""

import os

# Read by the CDK library as it starts: its own validation of CloudFormation takes longer than all the rest.
os.environ["CDK_VALIDATION"] = "false"

import pytest
from across_accounts import SETTINGS, Across, across
from cloud_assembly import Assembly, Template, read_assembly

import app

# Not the one that users edit: what they choose must not fail the synth step of their delivery.
CONFIGURATION = app.ROOT / "tests" / "fixtures" / "edgeline.toml"


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    directory = tmp_path_factory.mktemp("assembly")
    app.build(outdir=str(directory), config=CONFIGURATION).synth()
    return read_assembly(directory)


@pytest.fixture(scope="session")
def templates(assembly: Assembly) -> dict[str, Template]:
    return assembly.templates


@pytest.fixture(scope="session", params=SETTINGS, name="across")
def for_each_setting(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Across:
    """The app in one, two and three accounts, one after the other."""
    return across(request.param, tmp_path_factory.mktemp("across"))
