"""The environment variables of a build: from the start, the project and the buildspec, in this order."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from local.codebuild.buildspec import Buildspec
from local.codebuild.phase_error import PhaseError, refusal

PLAINTEXT, PARAMETER_STORE, SECRETS_MANAGER = "PLAINTEXT", "PARAMETER_STORE", "SECRETS_MANAGER"


@dataclass(frozen=True)
class Variable:
    """A variable's name, where its value is, and the value or the reference to it."""

    name: str
    kind: str
    value: str


@dataclass(frozen=True)
class Resolved:
    """The values by name; those of `secret` must not be printed or exported."""

    values: Mapping[str, str]
    secret: frozenset[str]


def chosen(
    started_with: Sequence[Mapping[str, str]], project: Sequence[Mapping[str, str]], buildspec: Buildspec
) -> list[Variable]:
    """Return each variable once: the start goes before the project, the project before the buildspec.

    The first two are in the API's form, {"name", "value", "type"}.
    """
    declared = [
        *_of(buildspec.variables, PLAINTEXT),
        *_of(buildspec.parameters, PARAMETER_STORE),
        *_of(buildspec.secrets, SECRETS_MANAGER),
        *(_from_api(item) for item in (*project, *started_with)),
    ]
    return list({variable.name: variable for variable in declared}.values())


def resolve(variables: Iterable[Variable], *, ssm: Any, secrets: Any) -> Resolved:
    """Fetch the values that are elsewhere, with the clients of the build's role; raises PhaseError."""
    values: dict[str, str] = {}
    secret = set()
    for variable in variables:
        if variable.kind == PARAMETER_STORE:
            values[variable.name] = _parameter(ssm, variable)
        elif variable.kind == SECRETS_MANAGER:
            values[variable.name] = _secret(secrets, variable)
        else:
            values[variable.name] = variable.value
            continue
        secret.add(variable.name)
    return Resolved(values, frozenset(secret))


def check_exports(wanted: Iterable[Variable], buildspec: Buildspec) -> None:
    """Raise PhaseError where the buildspec exports a variable that holds a secret."""
    for variable in wanted:
        if variable.kind != PLAINTEXT and variable.name in buildspec.exported:
            message = f"env.exported-variables: {variable.name} holds a secret and cannot be exported"
            raise PhaseError("YAML_FILE_ERROR", message)


def exported(names: Sequence[str], environment: Mapping[str, str]) -> list[dict[str, str]]:
    """Return `exportedEnvironmentVariables`: of these names, those that the environment has."""
    return [{"name": name, "value": environment[name]} for name in names if name in environment]


def _of(references: Mapping[str, str], kind: str) -> list[Variable]:
    return [Variable(name, kind, value) for name, value in references.items()]


def _from_api(item: Mapping[str, str]) -> Variable:
    return Variable(item["name"], item.get("type") or PLAINTEXT, item.get("value", ""))


def _parameter(ssm: Any, variable: Variable) -> str:
    try:
        answer = ssm.get_parameters(Names=[variable.value], WithDecryption=True)
    except ClientError as error:
        raise PhaseError("Decrypted Variables Error", refusal(error)) from error
    if not answer["Parameters"]:
        message = f"parameter does not exist: {variable.value} (variable {variable.name})"
        raise PhaseError("Decrypted Variables Error", message)
    return str(answer["Parameters"][0]["Value"])


def _secret(secrets: Any, variable: Variable) -> str:
    secret_id, json_key, stage, version = _reference(variable.value)
    options = {"VersionStage": stage, "VersionId": version}
    try:
        answer = secrets.get_secret_value(SecretId=secret_id, **{k: v for k, v in options.items() if v})
    except ClientError as error:
        raise PhaseError("Secrets Manager Error Message", refusal(error)) from error
    text = str(answer.get("SecretString", ""))
    if not json_key:
        return text
    try:
        value = json.loads(text)[json_key]
    except (ValueError, KeyError, TypeError) as error:
        message = f"{secret_id} has no key {json_key!r} (variable {variable.name})"
        raise PhaseError("Secrets Manager Error Message", message) from error
    return value if isinstance(value, str) else json.dumps(value)


def _reference(value: str) -> tuple[str, str, str, str]:
    """Split `secret-id:json-key:version-stage:version-id`; an ARN has six more colons in its secret-id."""
    parts = value.split(":")
    size = 7 if value.startswith("arn:") else 1
    rest = [*parts[size:], "", "", ""]
    return ":".join(parts[:size]), rest[0], rest[1], rest[2]
