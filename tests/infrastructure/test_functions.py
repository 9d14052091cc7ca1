"""Every Lambda function's handler can be imported, and is given exactly the environment that it reads."""

import importlib
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from cloud_assembly import Assembly

from lambdas.common.environment import variables
from lambdas.promotion.settings import model_settings
from stacks.constructs.python_function import SDK_ENVIRONMENT, PythonFunction


@pytest.fixture(scope="session")
def functions(assembly: Assembly) -> dict[str, dict[str, Any]]:
    """Properties of the functions, by stack and logical id."""
    return {
        f"{stack}/{logical_id}": resource["Properties"]
        for stack, logical_id, resource in assembly.resources("AWS::Lambda::Function")
    }


def test_every_handler_imports_and_its_environment_is_what_it_reads(
    functions: dict[str, dict[str, Any]],
) -> None:
    assert functions
    for name, properties in functions.items():
        module_name, _, attribute = properties["Handler"].rpartition(".")
        module = importlib.import_module(module_name)
        assert callable(getattr(module, attribute)), name
        given = set(properties["Environment"]["Variables"]) - SDK_ENVIRONMENT.keys()
        read = set(variables(module.Environment)) if hasattr(module, "Environment") else set()
        assert given == read, name


def test_a_function_comes_with_its_part_of_the_line_and_what_all_parts_share(
    assembly: Assembly, functions: dict[str, dict[str, Any]]
) -> None:
    keys: dict[str, set[str]] = {}
    for properties in functions.values():
        part = properties["Handler"].split(".")[1]
        keys.setdefault(part, set()).add(properties["Code"]["S3Key"])
    assert {"labeling", "promotion", "edge", "delivery", "common"} <= keys.keys()
    for part, (key, *others) in keys.items():
        assert others == [], part
        packed = assembly.directory / f"asset.{key.removesuffix('.zip')}"
        files = {path.relative_to(packed).as_posix() for path in packed.rglob("*") if path.is_file()}
        told = {f"lambdas/{part}/models.json"} if part in ("promotion", "training") else set()
        assert files == told | {file for folder in ("common", part) for file in sources(folder)}, part


def test_the_promotion_is_packed_with_what_it_knows_of_the_models(
    assembly: Assembly, functions: dict[str, dict[str, Any]]
) -> None:
    (key,) = {f["Code"]["S3Key"] for f in functions.values() if "lambdas.promotion." in f["Handler"]}
    packed = assembly.directory / f"asset.{key.removesuffix('.zip')}" / "lambdas/promotion/models.json"
    told = [f for f in functions.values() if f["Handler"] == "lambdas.promotion.judge_staging.handler"]
    assert [function["Environment"]["Variables"]["MODELS"] for function in told] == [packed.name]
    assert model_settings(packed.read_text(), "tags").group == "edgeline-tags"


def sources(folder: str) -> set[str]:
    files = {file.as_posix() for file in Path("lambdas", folder).rglob("*") if file.is_file()}
    return {file for file in files if "__pycache__" not in file} | {"lambdas/__init__.py"}


def test_every_function_has_a_role_and_a_log_group_of_its_own(functions: dict[str, dict[str, Any]]) -> None:
    roles = [properties["Role"]["Fn::GetAtt"][0] for properties in functions.values()]
    groups = [properties["LoggingConfig"]["LogGroup"]["Ref"] for properties in functions.values()]
    stacks = [name.partition("/")[0] for name in functions]
    assert len(set(zip(stacks, roles, strict=True))) == len(functions)
    assert len(set(zip(stacks, groups, strict=True))) == len(functions)


def test_logs_are_kept_for_a_while_and_not_for_ever(assembly: Assembly) -> None:
    groups = [resource["Properties"] for _, _, resource in assembly.resources("AWS::Logs::LogGroup")]
    assert groups
    assert all(properties.get("RetentionInDays") for properties in groups)


def test_an_environment_that_lambda_has_no_room_for_is_refused_before_it_is_deployed() -> None:
    stack = cdk.Stack(cdk.App(), "S")
    environment = {"MODELS": "m" * 4100, "KEY": f"{stack.account}{stack.region}"}
    with pytest.raises(ValueError, match=r"start\.handler: its environment has \d+ bytes, Lambda takes 4096"):
        PythonFunction(stack, "F", handler="lambdas.promotion.start.handler", environment=environment)
