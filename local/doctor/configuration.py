"""What edgeline.toml itself gives away: placeholders, what is unset, what costs by its kind."""

from __future__ import annotations

from collections.abc import Iterator

from config import Edgeline
from config_delivery import Accounts
from local.doctor.always_on import served
from local.doctor.finding import Finding

# Numbers of AWS's own examples: nobody's account.
EXAMPLES = {
    "000000000000", "012345678901", "111111111111", "111122223333", "123456789012", "444455556666",
    "777788889999", "999999999999",
}  # fmt: skip

_CHEAPER = {
    "realtime": 'kind = "serverless" costs nothing while nobody calls; it has no guardrails',
    "components": "min_copies = 0 costs nothing while nobody calls; the first requests then fail for minutes",
}


def check(config: Edgeline) -> Iterator[Finding]:
    """Look through the configuration."""
    yield from _accounts(config.accounts)
    yield from _delivery(config)
    yield from _endpoints(config)
    yield from _money(config)
    yield from _data(config)


def _accounts(accounts: Accounts) -> Iterator[Finding]:
    for key in ("tools", "staging", "prod"):
        number = getattr(accounts, key)
        if number in EXAMPLES:
            yield Finding(
                "error", f"{number} is an account of AWS's examples", f"edgeline.toml accounts.{key}",
                "write the number of your account, or leave the table out",
            )  # fmt: skip
    if accounts.tools is None:
        yield Finding(
            "advice", "no account is named: everything goes where your credentials point",
            "edgeline.toml accounts", "name region and tools to pin the deployment",
        )  # fmt: skip
    elif not accounts.several:
        yield Finding(
            "advice", "staging and prod share the account of the tools", "edgeline.toml accounts",
            "fine to begin with; give them accounts of their own before others depend on prod",
        )  # fmt: skip


def _delivery(config: Edgeline) -> Iterator[Finding]:
    delivery = config.delivery
    where = "edgeline.toml delivery"
    if delivery is None:
        yield Finding("advice", "no delivery: a git push deploys nothing", where, "deploy with cdk deploy")
        return
    if delivery.source == "connection":
        arn = delivery.connection_arn or ""
        _, _, _, region, account, resource = arn.split(":", 5)
        if account in EXAMPLES or not _is_identifier(resource.partition("/")[2]):
            yield Finding(
                "error", f"the connection {arn} is a placeholder", f"{where}.connection_arn",
                "make a connection (console: Developer Tools, Connections), authorise it, write its ARN here",
            )  # fmt: skip
        elif config.accounts.tools and (account, region) != (config.accounts.tools, config.accounts.region):
            yield Finding(
                "error", f"the connection is in {account}/{region}, the pipeline is not",
                f"{where}.connection_arn", "make a connection in the tools account and its region",
            )  # fmt: skip
    if not delivery.approve_prod:
        yield Finding(
            "advice", "nobody is asked before prod is deployed", f"{where}.approve_prod",
            "set it to true unless staging is trusted alone",
        )  # fmt: skip


def _is_identifier(name: str) -> bool:
    return len(name) == 36 and set(name) <= set("0123456789abcdef-")


def _endpoints(config: Edgeline) -> Iterator[Finding]:
    for found in served(config):
        endpoint, environment = found.endpoint, found.environment
        if running := found.idle_instances:
            yield Finding(
                "cost", f"the {environment} endpoint is always on: {running} {endpoint.instance_type}",
                found.where, _CHEAPER[endpoint.kind],
            )  # fmt: skip
        elif endpoint.kind == "components":
            yield Finding(
                "advice", f"the {environment} endpoint has no copy while nobody calls", found.where,
                "the first requests then fail for minutes, until one has come: callers have to ask again",
            )  # fmt: skip


def _money(config: Edgeline) -> Iterator[Finding]:
    if config.budget.email is None:
        yield Finding(
            "advice", "nobody is told by e-mail when the budget is spent", "edgeline.toml budget.email",
            "give an address, or subscribe to the topic that the Cost stack names",
        )  # fmt: skip
    if config.accounts.several:
        yield Finding(
            "advice", "the budget sees the tools account, and the others only from the paying account",
            "Tools/Cost", "put a budget in the paying account too",
        )  # fmt: skip


def _data(config: Edgeline) -> Iterator[Finding]:
    if config.data.keep:
        yield Finding(
            "cost", "cdk destroy leaves buckets, the key, the task table, feature group and model packages",
            "edgeline.toml data.keep", "they bill until they are deleted by hand; false deletes them too",
        )  # fmt: skip
    else:
        yield Finding(
            "advice", "cdk destroy deletes images, labels and models, and schedules their key for deletion",
            "edgeline.toml data.keep", "set it to true before there is anything worth keeping",
        )  # fmt: skip
