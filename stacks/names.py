"""Names that tools have to know too: without the CDK, which starts a process when it is imported."""

from typing import Literal

from config import Edgeline
from config_endpoint import Endpoint
from config_model import Model

EnvironmentName = Literal["staging", "prod"]
PROJECT_TAG = "project"
ENVIRONMENTS: tuple[EnvironmentName, ...] = ("staging", "prod")


def account_of(config: Edgeline, environment: EnvironmentName) -> str | None:
    """The number of an environment's account; None where the configuration names none."""
    return config.accounts.staging if environment == "staging" else config.accounts.prod


def endpoint_name(config: Edgeline, model: Model, environment: EnvironmentName) -> str:
    """The endpoint that a model answers behind; the components of a tree share that of the parent."""
    shared = endpoint_of(model, environment).kind == "components"
    return f"{config.name}-{model.tree if shared else model.name}-{environment}"


def component_name(config: Edgeline, model: Model, environment: EnvironmentName) -> str | None:
    """The inference component that answers; None where the endpoint itself does."""
    components = endpoint_of(model, environment).kind == "components"
    return own_name(config, model, environment) if components else None


def own_name(config: Edgeline, model: Model, environment: EnvironmentName) -> str:
    """What is one model's alone in an environment: its component, or else its endpoint."""
    return f"{config.name}-{model.name}-{environment}"


def endpoint_of(model: Model, environment: EnvironmentName) -> Endpoint:
    """How a model is served in an environment."""
    return model.staging if environment == "staging" else model.prod


def auditor_role_name(config: Edgeline, environment: EnvironmentName) -> str:
    """The role that who verifies a model looks at an environment's endpoints with."""
    return f"{config.name}-{environment}-auditor"


def packages_role_name(config: Edgeline) -> str:
    """The role in which the labeling page writes what approvers decide, and who they are."""
    return f"{config.name}-labeling-serve-packages"
