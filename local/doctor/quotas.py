"""The quotas that the line meets first: what it needs, what the account has, the request to make."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from config import Edgeline
from config_endpoint import Endpoint
from local.doctor.account import Account, Check
from local.doctor.always_on import served
from local.doctor.finding import Finding
from local.doctor.tables import table


@dataclass(frozen=True)
class Quota:
    """One quota by the name that Service Quotas has for it."""

    service: str
    name: str
    needs: int
    better: int
    new_account: str


def checks(config: Edgeline) -> Sequence[Check]:
    """One question for each quota that this configuration meets."""
    return [
        Check(
            f"the quota {quota.name!r}: {quota.needs} needed, a new account has {quota.new_account}",
            quota.service,
            f"aws service-quotas list-service-quotas --service-code {quota.service} "
            f"--query \"Quotas[?QuotaName=='{quota.name}']\", then {_request(quota, 'ITS_CODE')}",
            partial(_compare, quota),
        )
        for quota in needed(config)
    ]


def needed(config: Edgeline) -> list[Quota]:
    """The quotas that matter to this configuration, each once."""
    found: dict[str, Quota] = {}
    for entry in table("quotas")["quotas"]:
        for values, needs in _applied(entry, config):
            name = entry["name"].format(**values)
            larger = max(needs, found[name].needs) if name in found else needs
            better = max(larger, entry.get("better", 0))
            found[name] = Quota(entry["service"], name, larger, better, entry["new_account"])
    return list(found.values())


def _applied(entry: Mapping[str, Any], config: Edgeline) -> Iterator[tuple[dict[str, str], int]]:
    """What to fill into the name of a quota, and how much of it is needed."""
    endpoints = [found.endpoint for found in served(config)]
    match entry.get("only"):
        case "instances":
            together: Counter[str] = Counter()
            for endpoint in endpoints:
                if endpoint.has_instances:
                    together[endpoint.instance_type] += _most_instances(endpoint)
            for kind, most in together.items():
                yield {"endpoint_instance": kind}, most
        case "serverless":
            serverless = [endpoint for endpoint in endpoints if endpoint.kind == "serverless"]
            if serverless:
                yield {}, sum(endpoint.max_concurrency for endpoint in serverless)
        case "tuned":
            for model in config.classifiers:
                yield {"train_instance": model.train_instance}, model.tuning.parallel
        case "spot":
            for model in config.classifiers:
                if model.spot:
                    yield {"train_instance": model.train_instance}, 1
        case _:
            for each in config.models:
                instances = {"train_instance": each.train_instance, "job_instance": each.job_instance}
                yield instances, int(entry["needs"])


def _most_instances(endpoint: Endpoint) -> int:
    """Scaled out; of a real-time endpoint the new instances of an update stand beside the old ones too."""
    beside = 2 * endpoint.instances if endpoint.kind == "realtime" else 0
    return max(beside, endpoint.max_instances)


def _compare(quota: Quota, account: Account, config: Edgeline) -> Iterator[Finding]:
    listed = account.listed("service-quotas", "list_service_quotas", "Quotas", ServiceCode=quota.service)
    # What was never changed in an account is among the defaults only.
    listed += account.listed(
        "service-quotas", "list_aws_default_service_quotas", "Quotas", ServiceCode=quota.service
    )
    found = next((item for item in listed if item["QuotaName"] == quota.name), None)
    where = f"account {account.number}/{account.region}, {quota.service}"
    if found is None:
        yield Finding(
            "unchecked", f"the quota {quota.name!r}: Service Quotas does not list it", where,
            "look in the console: Service Quotas",
        )  # fmt: skip
    elif found["Value"] < quota.better:
        fails = found["Value"] < quota.needs
        yield Finding(
            "error" if fails else "advice",
            f"the quota {quota.name!r} is {found['Value']:.0f}, {quota.needs if fails else quota.better} "
            f"{'needed' if fails else 'are better'}",
            where, _request(quota, found["QuotaCode"]),
        )  # fmt: skip


def _request(quota: Quota, code: str) -> str:
    return (
        f"aws service-quotas request-service-quota-increase --service-code {quota.service} "
        f"--quota-code {code} --desired-value {quota.better}"
    )
