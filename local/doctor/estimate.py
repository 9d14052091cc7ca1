"""What the line costs in a month in which nobody uses it, and what one training run costs, by line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from config import Edgeline
from local.doctor.always_on import Served, alarm_metrics, served
from local.doctor.assembly import Stack
from local.doctor.finding import Finding
from local.doctor.prices import Cost, Instances
from local.doctor.tables import table
from local.doctor.training_costs import training_costs

HOURS = 730
_STUDIO_APP = "ml.t3.medium"  # what Studio proposes for a terminal


@dataclass(frozen=True)
class Estimate:
    """The lines of a month of idling, and of one training run of each model with its promotion."""

    source: str
    month: tuple[Cost, ...]
    training: tuple[Cost, ...]

    @property
    def month_usd(self) -> float:
        """What is known of a month's cost, added up."""
        return sum(cost.usd or 0 for cost in self.month)

    @property
    def training_usd(self) -> float:
        """What is known of a training run's cost, added up."""
        return sum(cost.usd or 0 for cost in self.training)


def estimate(
    config: Edgeline, stacks: Sequence[Stack], region: str | None, prices: Mapping[str, Any] | None = None
) -> Estimate:
    """Estimate for a region; one that the table does not know, or none, counts as us-east-1, and says so."""
    table_of_prices = prices or table("prices")
    instances = Instances(table_of_prices, region)
    known = instances.region
    instead = "" if known == region else f" instead of {region or 'a region, since none is named'}"
    return Estimate(
        f"{table_of_prices['date']}, {known}{instead}; {table_of_prices['source']}",
        tuple(_month(config, stacks, table_of_prices, instances)),
        tuple(cost for model in config.models for cost in training_costs(model, table_of_prices, instances)),
    )


def unpriced(stacks: Sequence[Stack], prices: Mapping[str, Any] | None = None) -> Iterator[Finding]:
    """Name the resources of which the table does not know whether they bill while idle."""
    free = (prices or table("prices"))["idle"]["free"]
    known = (*free, *_COUNTED)
    for stack in stacks:
        for where, kind, _ in stack.resources():
            if not kind.startswith(tuple(known)):
                yield Finding(
                    "cost", f"{kind} has no price in the table", where,
                    "look it up, and add it to local/doctor/prices.toml",
                )  # fmt: skip


def budget(config: Edgeline, estimated: Estimate) -> Iterator[Finding]:
    """Hold the estimate against the budget."""
    limit = config.budget.monthly_usd
    if estimated.month_usd > limit:
        yield Finding(
            "cost", f"idling alone is about ${estimated.month_usd:.2f} a month, the budget is ${limit}",
            "edgeline.toml budget.monthly_usd", "raise it, or look at the largest lines of the estimate",
        )  # fmt: skip


_COUNTED = {
    "AWS::KMS::Key": ("kms_key", "KMS keys"),
    "AWS::CloudWatch::Alarm": ("alarm", "alarms"),
    "AWS::SecretsManager::Secret": ("secret", "secrets"),
    "AWS::EC2::NatGateway": ("nat_gateway", "NAT gateways"),
    "AWS::EC2::VPCEndpoint": ("vpc_endpoint", "VPC endpoints"),
}


def _month(
    config: Edgeline, stacks: Sequence[Stack], prices: Mapping[str, Any], instances: Instances
) -> Iterator[Cost]:
    month, assumed = prices["month"], prices["assumed"]
    kinds = Counter(kind for stack in stacks for _, kind, _ in stack.resources())
    for kind, (key, name) in _COUNTED.items():
        if kinds[kind]:
            yield Cost(f"{kinds[kind]} {name}", kinds[kind] * month[key])
    old = sum(
        properties.get("PipelineType", "V1") == "V1"
        for stack in stacks
        for _, _, properties in stack.resources("AWS::CodePipeline::Pipeline")
    )
    if old:
        yield Cost(f"{old} pipelines of type V1", old * month["pipeline_v1"])
    for endpoint in served(config):
        name = f"{endpoint.environment} endpoint of {endpoint.whose}"
        yield _endpoint(name, endpoint, instances)
        watched = endpoint.environment == "prod"
        if metrics := sum(alarm_metrics(each, watched=watched) for each in endpoint.each):
            yield Cost(f"{name}, {metrics} metrics of its alarms", metrics * month["alarm"])
    yield Cost(f"{assumed['storage_gb']} GB in S3 (assumed)", assumed["storage_gb"] * month["s3_gb"])
    yield Cost(
        f"{assumed['log_storage_gb']} GB of logs (assumed)", assumed["log_storage_gb"] * month["log_gb"]
    )
    if config.studio is not None:
        hour = instances.hours(_STUDIO_APP, 1)
        yield Cost(f"Studio: ${hour:.2f} an hour for each open {_STUDIO_APP}, closed after one idle", 0)
    if "edge" in config.parts:
        yield Cost(f"core devices: ${month['core_device']:.2f} for each active one", 0)


def _endpoint(name: str, served: Served, instances: Instances) -> Cost:
    running, kind = served.idle_instances, served.endpoint.instance_type
    if not running:
        return Cost(f"{name}, {served.endpoint.kind}", 0)
    return Cost(f"{name}, {running} {kind}, always on", instances.hours(kind, HOURS * running))


def as_text(estimated: Estimate, limit: int) -> str:
    """The estimate as lines, with what it rests on."""
    rows = ["estimate, in US dollars, assumed: " + estimated.source, "  a month in which nobody uses it"]
    rows += [_row(cost) for cost in estimated.month]
    rows += [f"    {estimated.month_usd:8.2f}  in all; the budget is {limit}", "  one training run"]
    rows += [_row(cost) for cost in estimated.training]
    return "\n".join([*rows, f"    {estimated.training_usd:8.2f}  in all"])


def _row(cost: Cost) -> str:
    return f"    {'no price' if cost.usd is None else format(cost.usd, '.2f'):>8}  {cost.what}"
