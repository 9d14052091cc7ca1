from __future__ import annotations

import pytest

from local.codebuild.install_commands import is_install


@pytest.mark.parametrize(
    "command",
    [
        "pip install boto3==1.43.106",
        "pip3 install -q --upgrade pip",
        "python -m pip install --quiet -r requirements-pipeline.txt -c requirements.txt",
        "python3 -m pip install --requirement=sub/requirements.txt",
        "npm install -g aws-cdk@2.1148.1",
        "npm ci",
        "npm ci --prefix checks/asl",
    ],
)
def test_installs(command: str) -> None:
    assert is_install(command)


@pytest.mark.parametrize(
    "command",
    [
        "pip list",
        "pip install .",
        "pip install ./lib",
        "pip install -e lib",
        "pip install --target here x",
        "pip install x && rm -rf y",
        "pip install $PACKAGE",
        "pip install x\nrm -rf y",
        "pip install -r pins.txt",
        "python -m pytest",
        "npm run build",
        "npm install ../lib",
        "echo pip install x",
    ],
)
def test_whose_result_depends_on_more_is_none(command: str) -> None:
    assert not is_install(command)
