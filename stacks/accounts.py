"""What the accounts know of one another: by name, since no template can refer to another account's.

docs/adr/0010 says why, and lists who trusts whom.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import aws_cdk as cdk

from config import Edgeline
from config_endpoint import Endpoint
from config_model import Model
from stacks import names
from stacks.names import ENVIRONMENTS, EnvironmentName

# What every environment's endpoint is deployed by; the names are those of the functions' modules.
_DEPLOYERS = ("read_endpoint", "deploy_endpoint", "check_endpoint", "restore_endpoint")

_ALARMS = ("errors", "latency", "empty", "score")

# So much of an endpoint's name begins those of its configs and models, which are cut at 63 characters.
_KEPT = 47


@dataclass(frozen=True)
class ToolsAccount:
    """What the environments know of the tools account."""

    config: Edgeline

    @property
    def account(self) -> str:
        """The account's number; a reference to the template's own where the configuration names none."""
        return self.config.accounts.tools or cdk.Aws.ACCOUNT_ID

    @property
    def artifacts_bucket_name(self) -> str:
        """The artifacts bucket; account and region make the name one of a kind."""
        return f"{self.config.name}-artifacts-{self.account}-{_region(self.config)}"

    @property
    def staging_test_role_name(self) -> str:
        """The role of the job that tests the staging endpoint."""
        return f"{self.config.name}-staging-test"

    @property
    def suggest_boxes_role_name(self) -> str:
        """The role of the function that asks prod what it would draw, for those who label."""
        return f"{self.config.name}-labeling-suggest-boxes"

    def function_role_name(self, function: str) -> str:
        """The role of one of the promotion's functions, such as `deploy_endpoint`."""
        return f"{self.config.name}-promotion-{function.replace('_', '-')}"

    def role_arn(self, name: str) -> str:
        """The ARN of one of these roles."""
        return _role_arn(self.account, name)

    def model_packages(self, model: Model) -> str:
        """The ARNs of a model's packages, as a pattern."""
        return _sagemaker_arn(self.config, self.account, f"model-package/{self.config.name}-{model.name}/*")


@dataclass(frozen=True)
class WorkloadAccount:
    """What the tools account knows of an environment."""

    config: Edgeline
    environment: EnvironmentName

    @property
    def account(self) -> str:
        """The account's number; a reference to the template's own where the configuration names none."""
        return names.account_of(self.config, self.environment) or cdk.Aws.ACCOUNT_ID

    @property
    def promoter_role_name(self) -> str:
        """The role that the promotion acts with here."""
        return f"{self.config.name}-{self.environment}-promoter"

    @property
    def model_role_name(self) -> str:
        """The role of the containers behind the endpoints."""
        return f"{self.config.name}-{self.environment}-model"

    @property
    def tester_role_name(self) -> str:
        """The role that the test of the endpoints asks them with."""
        return f"{self.config.name}-{self.environment}-tester"

    @property
    def suggester_role_name(self) -> str:
        """The role that the labeling asks the endpoints with."""
        return f"{self.config.name}-{self.environment}-suggester"

    @property
    def auditor_role_name(self) -> str:
        """The role that who verifies a model looks at the endpoints with."""
        return names.auditor_role_name(self.config, self.environment)

    @property
    def promoted_by(self) -> Sequence[str]:
        """The functions that act here, by the names of their modules."""
        deployers = (*_DEPLOYERS, "read_tree") if self.config.trees else _DEPLOYERS
        if self.environment == "staging":
            return deployers
        return (*deployers, "smoke_endpoint", "record_release")

    @property
    def region(self) -> str:
        """The region, the same in all accounts."""
        return _region(self.config)

    def role_arn(self, name: str) -> str:
        """The ARN of one of these roles."""
        return _role_arn(self.account, name)

    def endpoint_name(self, model: Model) -> str:
        """The endpoint that a model answers behind, which others of its tree may share."""
        return names.endpoint_name(self.config, model, self.environment)

    def shares_endpoint(self, model: Model, other: Model) -> bool:
        """Whether both answer behind one endpoint."""
        return self.endpoint_name(model) == self.endpoint_name(other)

    def component_name(self, model: Model) -> str | None:
        """The inference component that answers; None where the endpoint itself does."""
        return names.component_name(self.config, model, self.environment)

    def own_name(self, model: Model) -> str:
        """What is one model's alone: its component, or else its endpoint."""
        return names.own_name(self.config, model, self.environment)

    def endpoint(self, model: Model) -> Endpoint:
        """How a model is served."""
        return names.endpoint_of(model, self.environment)

    @property
    def alarm_topic_name(self) -> str:
        """The topic that the endpoints' alarms tell."""
        return f"{self.config.name}-{self.environment}-alarms"

    @property
    def alarm_topic_arn(self) -> str | None:
        """Its ARN; None where nobody reads it, or nothing rings."""
        if self.environment == "staging" or self.config.promotion.email is None:
            return None
        return f"arn:{cdk.Aws.PARTITION}:sns:{self.region}:{self.account}:{self.alarm_topic_name}"

    def alarms(self, model: Model) -> list[str]:
        """The ARNs of the alarms that guard a model in prod; lambdas/promotion/alarms.py names them."""
        return [self.alarm_arn(name) for name in self.alarm_names(model)]

    def alarm_names(self, model: Model) -> list[str]:
        """Their names."""
        return [f"{self.own_name(model)}-{kind}" for kind in _ALARMS]

    def alarms_of(self, models: Sequence[Model]) -> list[str]:
        """The ARNs of the models' alarms, a pattern each: of many, the ARNs are too long for IAM."""
        return [self.alarm_arn(f"{self.own_name(model)}-*") for model in models]

    def sleep_alarm_name(self, model: Model) -> str:
        """The alarm that wakes a component without copies; lambdas/promotion/autoscaling.py names it."""
        return f"{self.own_name(model)}-asleep"

    def alarm_arn(self, name: str) -> str:
        """The ARN of an alarm, or of all that match a pattern."""
        return f"arn:{cdk.Aws.PARTITION}:cloudwatch:{self.region}:{self.account}:alarm:{name}"

    def endpoints(self) -> list[str]:
        """The ARNs of all endpoints."""
        return [self._arn(f"endpoint/{name}") for name in self.endpoint_names()]

    def endpoint_names(self) -> list[str]:
        """Their names, each once."""
        return list(dict.fromkeys(self.endpoint_name(model) for model in self.config.models))

    def components(self) -> list[str]:
        """The ARNs of all inference components, which are called as their endpoints are."""
        names = [self.component_name(model) for model in self.config.models]
        return [self._arn(f"inference-component/{name}") for name in names if name is not None]

    def asked(self, models: Sequence[Model]) -> list[str]:
        """What is named to ask these models: their endpoints, and their components where they have them."""
        endpoints = dict.fromkeys(self.endpoint_name(model) for model in models)
        components = [name for model in models if (name := self.component_name(model)) is not None]
        return [
            *(self._arn(f"endpoint/{name}") for name in endpoints),
            *(self._arn(f"inference-component/{name}") for name in components),
        ]

    def endpoint_configs(self) -> list[str]:
        """The ARNs of all endpoint configs, as patterns."""
        return [self._arn(f"endpoint-config/{_kept(name)}*") for name in self.endpoint_names()]

    def models(self) -> list[str]:
        """The ARNs of all SageMaker models, as patterns."""
        return [self._arn(f"model/{self.kept_name(model)}*") for model in self.config.models]

    def kept_name(self, model: Model) -> str:
        """What the names of a model's SageMaker models begin with, and of the configs of its own endpoint."""
        return _kept(self.own_name(model))

    def _arn(self, resource: str) -> str:
        return _sagemaker_arn(self.config, self.account, resource)


def _kept(name: str) -> str:
    return name[:_KEPT]


def environments(config: Edgeline) -> list[WorkloadAccount]:
    """Both environments, in the order of a promotion."""
    return [WorkloadAccount(config, environment) for environment in ENVIRONMENTS]


def elsewhere(config: Edgeline) -> list[WorkloadAccount]:
    """The environments that are in another account than the tools; usually none."""
    tools = ToolsAccount(config).account
    return [workload for workload in environments(config) if workload.account != tools]


def _region(config: Edgeline) -> str:
    return config.accounts.region or cdk.Aws.REGION


def _role_arn(account: str, name: str) -> str:
    return f"arn:{cdk.Aws.PARTITION}:iam::{account}:role/{name}"


def _sagemaker_arn(config: Edgeline, account: str, resource: str) -> str:
    return f"arn:{cdk.Aws.PARTITION}:sagemaker:{_region(config)}:{account}:{resource}"
