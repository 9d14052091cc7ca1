"""Names that tools have to know too: without the CDK, which starts a process when it is imported."""

from typing import Literal

from config import Edgeline
from config_model import Model

EnvironmentName = Literal["staging", "prod"]
PROJECT_TAG = "project"
ENVIRONMENTS: tuple[EnvironmentName, ...] = ("staging", "prod")


def account_of(config: Edgeline, environment: EnvironmentName) -> str | None:
    """The number of an environment's account; None where the configuration names none."""
    return config.accounts.staging if environment == "staging" else config.accounts.prod


def endpoint_name(config: Edgeline, model: Model, environment: EnvironmentName) -> str:
    """The endpoint of a model in an environment."""
    return f"{config.name}-{model.name}-{environment}"


def auditor_role_name(config: Edgeline, environment: EnvironmentName) -> str:
    """The role that who verifies a model looks at an environment's endpoints with."""
    return f"{config.name}-{environment}-auditor"


def packages_role_name(config: Edgeline) -> str:
    """The role in which the labeling page writes what approvers decide, and who they are."""
    return f"{config.name}-labeling-serve-packages"
